-- +goose Up
ALTER TABLE tenants ADD COLUMN rule_revision INTEGER NOT NULL DEFAULT 0; -- of the rules in force, 0: none were written yet
CREATE TABLE rules (
	tenant   INTEGER NOT NULL REFERENCES tenants (id),
	revision INTEGER NOT NULL,
	text     BLOB    NOT NULL, -- UTF-8
	author   TEXT    NOT NULL,
	changed  INTEGER NOT NULL,
	PRIMARY KEY (tenant, revision)
);
ALTER TABLE sensors ADD COLUMN rules BLOB NOT NULL DEFAULT ''; -- JSON of store.SensorRules, empty: nothing is known
