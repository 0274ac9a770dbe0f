-- +goose Up
ALTER TABLE users ADD COLUMN disabled TEXT NOT NULL DEFAULT ''; -- by whom, see store.DisabledBy
ALTER TABLE users ADD COLUMN vouched INTEGER NOT NULL DEFAULT 0; -- when an OpenID provider last answered for the user, 0: hosted alone does
-- Whoever saw calls saw their numbers.
UPDATE users SET rights = CASE WHEN rights = '' THEN 'numbers' ELSE rights || ',numbers' END;
UPDATE api_tokens SET rights = CASE WHEN rights = '' THEN 'numbers' ELSE rights || ',numbers' END WHERE rights IS NOT NULL;
ALTER TABLE api_tokens ADD COLUMN scope TEXT NOT NULL DEFAULT ''; -- see store.TokenScope
ALTER TABLE api_tokens ADD COLUMN used INTEGER NOT NULL DEFAULT 0; -- 0: never, or not known
CREATE INDEX api_tokens_user ON api_tokens (user_id);
ALTER TABLE sessions ADD COLUMN user_id INTEGER NOT NULL DEFAULT 0; -- 0: a log-in that is under way
UPDATE sessions SET user_id = COALESCE(CAST(json_extract(CAST(data AS TEXT), '$.user') AS INTEGER), 0);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE TABLE oidc_links (
	issuer  TEXT    NOT NULL,
	subject TEXT    NOT NULL,
	tenant  INTEGER NOT NULL REFERENCES tenants (id),
	user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	created INTEGER NOT NULL,
	PRIMARY KEY (issuer, subject, tenant)
);
CREATE INDEX oidc_links_user ON oidc_links (user_id);
