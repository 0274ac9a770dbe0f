-- +goose Up
ALTER TABLE tenants ADD COLUMN rule_revision BIGINT NOT NULL DEFAULT 0; -- of the rules in force, 0: none were written yet
CREATE TABLE rules (
	tenant   BIGINT NOT NULL REFERENCES tenants (id),
	revision BIGINT NOT NULL,
	text     BYTEA  NOT NULL, -- UTF-8
	author   TEXT   NOT NULL,
	changed  BIGINT NOT NULL,
	PRIMARY KEY (tenant, revision)
);
ALTER TABLE sensors ADD COLUMN rules BYTEA NOT NULL DEFAULT ''; -- JSON of store.SensorRules, empty: nothing is known
