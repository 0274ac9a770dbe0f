-- +goose Up
-- Failed log-ins. No tenant: who fails to log in is in none.
CREATE TABLE login_failures (
	key   BLOB    PRIMARY KEY, -- hash of a name, an address, or both
	level REAL    NOT NULL, -- failures, less what has sunk until at
	at    INTEGER NOT NULL
) WITHOUT ROWID;
