-- +goose Up
-- Calls that may still run when a time begins that statistics are asked for, long after they began: few.
CREATE INDEX calls_long ON calls (tenant, at, id) WHERE duration_ms > 3600000;
-- Failed log-ins, of all nodes. No tenant: who fails to log in is in none.
CREATE TABLE login_failures (
	key   BYTEA            PRIMARY KEY, -- hash of a name, an address, or both
	level DOUBLE PRECISION NOT NULL, -- failures, less what has sunk until at
	at    BIGINT           NOT NULL
);
