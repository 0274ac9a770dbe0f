-- +goose Up
CREATE TABLE tenants (
	id           BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name         TEXT    NOT NULL UNIQUE,
	max_channels INTEGER NOT NULL,
	suspended    BOOLEAN NOT NULL,
	created      BIGINT  NOT NULL
);
CREATE TABLE users (
	id       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	tenant   BIGINT NOT NULL REFERENCES tenants (id),
	name     TEXT   NOT NULL UNIQUE,
	password TEXT   NOT NULL, -- argon2id, PHC string
	role     TEXT   NOT NULL,
	created  BIGINT NOT NULL
);
CREATE INDEX users_tenant ON users (tenant);
CREATE TABLE api_tokens (
	hash    BYTEA  NOT NULL PRIMARY KEY,
	user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	label   TEXT   NOT NULL,
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL -- 0: never
);
CREATE TABLE sessions (
	hash    BYTEA  NOT NULL PRIMARY KEY,
	data    BYTEA  NOT NULL,
	expires BIGINT NOT NULL
);
CREATE TABLE enrol_tokens (
	hash    BYTEA  NOT NULL PRIMARY KEY,
	tenant  BIGINT NOT NULL REFERENCES tenants (id),
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	used    BIGINT NOT NULL -- 0: not yet
);
CREATE TABLE sensors (
	uuid      UUID    NOT NULL PRIMARY KEY,
	tenant    BIGINT  NOT NULL REFERENCES tenants (id),
	sensor_id INTEGER NOT NULL,
	key_hash  BYTEA   NOT NULL,
	info      BYTEA   NOT NULL, -- JSON
	addr      TEXT    NOT NULL,
	enrolled  BIGINT  NOT NULL,
	last_seen BIGINT  NOT NULL,
	revoked   BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX sensors_number ON sensors (tenant, sensor_id) WHERE NOT revoked;
CREATE INDEX sensors_key ON sensors (tenant, key_hash);
CREATE TABLE cursors (
	sensor   UUID   NOT NULL PRIMARY KEY REFERENCES sensors (uuid),
	tenant   BIGINT NOT NULL,
	epoch    BIGINT NOT NULL, -- 64 bits, compared for equality only
	next     BIGINT NOT NULL,
	last_cdr BIGINT NOT NULL,
	cdrs     BIGINT NOT NULL
);
CREATE TABLE audit (
	id     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at     BIGINT NOT NULL,
	tenant BIGINT NOT NULL, -- 0: unknown, as of a failed login
	who    TEXT   NOT NULL,
	addr   TEXT   NOT NULL,
	action TEXT   NOT NULL,
	object TEXT   NOT NULL,
	bytes  BIGINT NOT NULL,
	detail TEXT   NOT NULL
);
CREATE INDEX audit_tenant ON audit (tenant, id);
CREATE INDEX audit_at ON audit (at);
CREATE TABLE secrets (
	name  TEXT  NOT NULL PRIMARY KEY,
	value BYTEA NOT NULL
);

-- Calls, a partition a UTC day: calls_YYYYMMDD, which the store makes ahead and drops whole (calls.go). Searched texts
-- are compared by bytes (COLLATE "C"), so that a prefix is a range of an index.
CREATE TABLE calls (
	tenant    BIGINT  NOT NULL,
	id        UUID    NOT NULL,
	at        BIGINT  NOT NULL, -- what the call is filed under, mostly its start
	sensor_id INTEGER NOT NULL,
	call_id   TEXT    COLLATE "C" NOT NULL,
	group_id  TEXT    COLLATE "C" NOT NULL,
	caller    TEXT    COLLATE "C" NOT NULL,
	callee    TEXT    COLLATE "C" NOT NULL,
	src_ip    TEXT    COLLATE "C" NOT NULL,
	dst_ip    TEXT    COLLATE "C" NOT NULL,
	status    INTEGER NOT NULL,
	mos       DOUBLE PRECISION,
	findings  TEXT    COLLATE "C" NOT NULL,
	kept      BOOLEAN NOT NULL,
	summary   BYTEA   NOT NULL, -- CBOR of the CDR without streams and messages
	detail    BYTEA   NOT NULL, -- zstd of CBOR of these two
	PRIMARY KEY (tenant, id, at)
) PARTITION BY RANGE (at);
ALTER TABLE calls ALTER COLUMN detail SET STORAGE EXTERNAL; -- compressed already
CREATE INDEX calls_at ON calls (tenant, at, id);
CREATE INDEX calls_caller ON calls (tenant, caller);
CREATE INDEX calls_callee ON calls (tenant, callee);
CREATE INDEX calls_call_id ON calls (tenant, call_id);
CREATE INDEX calls_src_ip ON calls (tenant, src_ip);
CREATE INDEX calls_dst_ip ON calls (tenant, dst_ip);
CREATE INDEX calls_kept ON calls (tenant, at, id) WHERE kept;
CREATE INDEX calls_findings ON calls (tenant, at, id) WHERE findings <> '';
