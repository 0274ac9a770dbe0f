-- +goose Up
CREATE TABLE saved_searches (
	id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	tenant    BIGINT NOT NULL REFERENCES tenants (id),
	owner     BIGINT REFERENCES users (id) ON DELETE CASCADE, -- NULL: the tenant's
	author    TEXT   NOT NULL,
	name      TEXT   NOT NULL,
	condition TEXT   NOT NULL,
	span      TEXT   NOT NULL,
	columns   TEXT   NOT NULL, -- between blanks
	changed   BIGINT NOT NULL
);
CREATE UNIQUE INDEX saved_searches_name ON saved_searches (tenant, COALESCE(owner, 0), name);
CREATE INDEX saved_searches_owner ON saved_searches (owner);
ALTER TABLE saved_searches ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON saved_searches FOR SELECT USING (tenant = (SELECT NULLIF(current_setting('hosted.tenant', true), '')::bigint));
UPDATE users SET rights = CASE WHEN rights = '' THEN 'export' ELSE rights || ',export' END WHERE role IN ('admin', 'user');
