-- +goose Up
-- One node alone uses these too: what is known of a sensor's links outlives a restart.
CREATE TABLE nodes (
	id      TEXT    NOT NULL PRIMARY KEY, -- of the process
	name    TEXT    NOT NULL,
	addr    TEXT    NOT NULL, -- where other nodes reach it
	version TEXT    NOT NULL,
	started INTEGER NOT NULL,
	seen    INTEGER NOT NULL,
	beat    INTEGER NOT NULL, -- counts up
	leaving BOOLEAN NOT NULL
);
CREATE TABLE sensor_links (
	tenant     INTEGER NOT NULL,
	sensor     TEXT    NOT NULL,
	node       TEXT    NOT NULL, -- '': no link
	generation INTEGER NOT NULL, -- counts up with each link
	boot       TEXT    NOT NULL,
	addr       TEXT    NOT NULL,
	since      INTEGER NOT NULL,
	boots      BLOB    NOT NULL,
	granted    INTEGER NOT NULL, -- channels
	used       INTEGER NOT NULL,
	PRIMARY KEY (tenant, sensor)
);
CREATE INDEX sensor_links_node ON sensor_links (node) WHERE node <> '';
CREATE INDEX sensor_links_sensor ON sensor_links (sensor);
CREATE TABLE streams (
	tenant  INTEGER NOT NULL,
	node    TEXT    NOT NULL,
	user_id INTEGER NOT NULL,
	running INTEGER NOT NULL,
	PRIMARY KEY (tenant, node, user_id)
);
