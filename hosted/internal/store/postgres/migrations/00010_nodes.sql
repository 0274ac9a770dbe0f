-- +goose Up
-- Several nodes share the store (docs/scaling.md).
CREATE TABLE nodes (
	id      TEXT    NOT NULL PRIMARY KEY, -- of the process
	name    TEXT    NOT NULL,
	addr    TEXT    NOT NULL, -- where other nodes reach it
	version TEXT    NOT NULL,
	started BIGINT  NOT NULL,
	seen    BIGINT  NOT NULL,
	beat    BIGINT  NOT NULL, -- counts up
	leaving BOOLEAN NOT NULL
);
CREATE TABLE sensor_links (
	tenant     BIGINT  NOT NULL,
	sensor     UUID    NOT NULL,
	node       TEXT    NOT NULL, -- '': no link
	generation BIGINT  NOT NULL, -- counts up with each link
	boot       TEXT    NOT NULL,
	addr       TEXT    NOT NULL,
	since      BIGINT  NOT NULL,
	boots      BYTEA   NOT NULL,
	granted    INTEGER NOT NULL, -- channels
	used       INTEGER NOT NULL,
	PRIMARY KEY (tenant, sensor)
);
CREATE INDEX sensor_links_node ON sensor_links (node) WHERE node <> '';
CREATE INDEX sensor_links_sensor ON sensor_links (sensor);
CREATE TABLE streams (
	tenant  BIGINT  NOT NULL,
	node    TEXT    NOT NULL,
	user_id BIGINT  NOT NULL,
	running INTEGER NOT NULL,
	PRIMARY KEY (tenant, node, user_id)
);
ALTER TABLE sensor_links   ENABLE ROW LEVEL SECURITY;
ALTER TABLE streams ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON sensor_links   FOR SELECT USING (tenant = (SELECT NULLIF(current_setting('hosted.tenant', true), '')::bigint));
CREATE POLICY own ON streams FOR SELECT USING (tenant = (SELECT NULLIF(current_setting('hosted.tenant', true), '')::bigint));

-- What is a tenant's has the tenant in every key, so that the tables can be divided by it.
ALTER TABLE cursors DROP CONSTRAINT cursors_sensor_fkey;
ALTER TABLE cursors DROP CONSTRAINT cursors_pkey;
ALTER TABLE sensors DROP CONSTRAINT sensors_pkey;
ALTER TABLE sensors ADD PRIMARY KEY (tenant, uuid);
ALTER TABLE cursors ADD PRIMARY KEY (tenant, sensor);
ALTER TABLE cursors ADD FOREIGN KEY (tenant, sensor) REFERENCES sensors (tenant, uuid);
ALTER TABLE audit DROP CONSTRAINT audit_pkey;
ALTER TABLE audit ADD PRIMARY KEY (tenant, id);
DROP INDEX audit_tenant; -- the key is as good
