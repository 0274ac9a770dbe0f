-- +goose Up
ALTER TABLE users ADD COLUMN disabled TEXT NOT NULL DEFAULT ''; -- by whom, see store.DisabledBy
ALTER TABLE users ADD COLUMN vouched BIGINT NOT NULL DEFAULT 0; -- when an OpenID provider last answered for the user, 0: hosted alone does
-- Whoever saw calls saw their numbers.
UPDATE users SET rights = CASE WHEN rights = '' THEN 'numbers' ELSE rights || ',numbers' END;
UPDATE api_tokens SET rights = CASE WHEN rights = '' THEN 'numbers' ELSE rights || ',numbers' END WHERE rights IS NOT NULL;
ALTER TABLE api_tokens ADD COLUMN scope TEXT NOT NULL DEFAULT ''; -- see store.TokenScope
ALTER TABLE api_tokens ADD COLUMN used BIGINT NOT NULL DEFAULT 0; -- 0: never, or not known
CREATE INDEX api_tokens_user ON api_tokens (user_id);
ALTER TABLE sessions ADD COLUMN user_id BIGINT NOT NULL DEFAULT 0; -- 0: a log-in that is under way
UPDATE sessions SET user_id = COALESCE((convert_from(data, 'UTF8')::json->>'user')::bigint, 0);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE TABLE oidc_links (
	issuer  TEXT   COLLATE "C" NOT NULL,
	subject TEXT   COLLATE "C" NOT NULL,
	tenant  BIGINT NOT NULL REFERENCES tenants (id),
	user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	created BIGINT NOT NULL,
	PRIMARY KEY (issuer, subject, tenant)
);
CREATE INDEX oidc_links_user ON oidc_links (user_id);
