-- +goose Up
CREATE TABLE tenants (
	id           INTEGER PRIMARY KEY AUTOINCREMENT,
	name         TEXT    NOT NULL UNIQUE,
	max_channels INTEGER NOT NULL,
	suspended    BOOLEAN NOT NULL,
	created      INTEGER NOT NULL
);
CREATE TABLE users (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	tenant   INTEGER NOT NULL REFERENCES tenants (id),
	name     TEXT    NOT NULL UNIQUE,
	password TEXT    NOT NULL, -- argon2id, PHC string
	role     TEXT    NOT NULL,
	created  INTEGER NOT NULL
);
CREATE INDEX users_tenant ON users (tenant);
CREATE TABLE api_tokens (
	hash    BLOB    NOT NULL PRIMARY KEY,
	user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	label   TEXT    NOT NULL,
	created INTEGER NOT NULL,
	expires INTEGER NOT NULL -- 0: never
);
CREATE TABLE sessions (
	hash    BLOB    NOT NULL PRIMARY KEY,
	data    BLOB    NOT NULL,
	expires INTEGER NOT NULL
);
CREATE TABLE enrol_tokens (
	hash    BLOB    NOT NULL PRIMARY KEY,
	tenant  INTEGER NOT NULL REFERENCES tenants (id),
	created INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	used    INTEGER NOT NULL -- 0: not yet
);
CREATE TABLE sensors (
	uuid      TEXT    NOT NULL PRIMARY KEY,
	tenant    INTEGER NOT NULL REFERENCES tenants (id),
	sensor_id INTEGER NOT NULL,
	key_hash  BLOB    NOT NULL,
	info      BLOB    NOT NULL, -- JSON
	addr      TEXT    NOT NULL,
	enrolled  INTEGER NOT NULL,
	last_seen INTEGER NOT NULL,
	revoked   BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX sensors_number ON sensors (tenant, sensor_id) WHERE NOT revoked;
CREATE INDEX sensors_key ON sensors (tenant, key_hash);
CREATE TABLE cursors (
	sensor   TEXT    NOT NULL PRIMARY KEY REFERENCES sensors (uuid),
	tenant   INTEGER NOT NULL,
	epoch    INTEGER NOT NULL, -- 64 bits, compared for equality only
	next     INTEGER NOT NULL,
	last_cdr INTEGER NOT NULL,
	cdrs     INTEGER NOT NULL
);
CREATE TABLE audit (
	id     INTEGER PRIMARY KEY AUTOINCREMENT,
	at     INTEGER NOT NULL,
	tenant INTEGER NOT NULL, -- 0: unknown, as of a failed login
	who    TEXT    NOT NULL,
	addr   TEXT    NOT NULL,
	action TEXT    NOT NULL,
	object TEXT    NOT NULL,
	bytes  INTEGER NOT NULL,
	detail TEXT    NOT NULL
);
CREATE INDEX audit_tenant ON audit (tenant, id);
CREATE INDEX audit_at ON audit (at);
CREATE TABLE secrets (
	name  TEXT NOT NULL PRIMARY KEY,
	value BLOB NOT NULL
);
-- The calls of each UTC day are in a table of their own, calls_YYYYMMDD, which the store makes (calls.go).
