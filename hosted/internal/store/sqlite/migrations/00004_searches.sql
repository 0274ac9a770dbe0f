-- +goose Up
CREATE TABLE saved_searches (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	tenant    INTEGER NOT NULL REFERENCES tenants (id),
	owner     INTEGER REFERENCES users (id) ON DELETE CASCADE, -- NULL: the tenant's
	author    TEXT    NOT NULL,
	name      TEXT    NOT NULL,
	condition TEXT    NOT NULL,
	span      TEXT    NOT NULL,
	columns   TEXT    NOT NULL, -- between blanks
	changed   INTEGER NOT NULL
);
CREATE UNIQUE INDEX saved_searches_name ON saved_searches (tenant, COALESCE(owner, 0), name);
CREATE INDEX saved_searches_owner ON saved_searches (owner);
UPDATE users SET rights = CASE WHEN rights = '' THEN 'export' ELSE rights || ',export' END WHERE role IN ('admin', 'user');
