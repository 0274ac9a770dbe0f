-- +goose Up
CREATE TABLE alerts (
	id       BIGINT  GENERATED ALWAYS AS IDENTITY,
	tenant   BIGINT  NOT NULL REFERENCES tenants (id),
	revision BIGINT  NOT NULL,
	spec     BYTEA   NOT NULL, -- JSON of alert.Spec
	enabled  BOOLEAN NOT NULL,
	author   TEXT    NOT NULL,
	changed  BIGINT  NOT NULL,
	PRIMARY KEY (tenant, id)
);
CREATE TABLE alert_states (
	tenant BIGINT NOT NULL,
	alert  BIGINT NOT NULL, -- may be gone
	data   BYTEA  NOT NULL, -- JSON of alert.State
	PRIMARY KEY (tenant, alert)
);
CREATE TABLE alert_receivers (
	id      BIGINT  GENERATED ALWAYS AS IDENTITY,
	tenant  BIGINT NOT NULL REFERENCES tenants (id),
	spec    BYTEA  NOT NULL, -- JSON of alert.Receiver
	author  TEXT   NOT NULL,
	changed BIGINT NOT NULL,
	PRIMARY KEY (tenant, id)
);
CREATE TABLE alert_silences (
	id     BIGINT  GENERATED ALWAYS AS IDENTITY,
	tenant BIGINT NOT NULL REFERENCES tenants (id),
	alert  BIGINT NOT NULL, -- 0: all
	begins BIGINT NOT NULL,
	ends   BIGINT NOT NULL,
	author TEXT   NOT NULL,
	reason TEXT   NOT NULL,
	PRIMARY KEY (tenant, id)
);
CREATE INDEX alert_silences_tenant ON alert_silences (tenant, ends);
CREATE TABLE alert_incidents (
	id       TEXT   COLLATE "C" NOT NULL,
	tenant   BIGINT NOT NULL,
	alert    BIGINT NOT NULL, -- may be gone
	started  BIGINT NOT NULL,
	ended    BIGINT NOT NULL, -- 0: it lasts
	data     BYTEA  NOT NULL, -- JSON of alert.Incident
	acked_by TEXT   NOT NULL,
	acked_at BIGINT NOT NULL,
	ack_note TEXT   NOT NULL,
	PRIMARY KEY (tenant, id)
);
CREATE INDEX alert_incidents_tenant ON alert_incidents (tenant, started, id);
CREATE TABLE alert_notices (
	id       BIGINT  GENERATED ALWAYS AS IDENTITY,
	tenant   BIGINT NOT NULL,
	incident TEXT   COLLATE "C" NOT NULL,
	receiver BIGINT NOT NULL,
	name     TEXT   NOT NULL,
	event    TEXT   NOT NULL,
	body     BYTEA  NOT NULL, -- JSON of alert.Message
	created  BIGINT NOT NULL,
	next     BIGINT NOT NULL, -- 0: is not tried any more
	done     BIGINT NOT NULL, -- 0: was not delivered
	attempts BYTEA  NOT NULL, -- JSON of []store.Attempted
	PRIMARY KEY (tenant, id)
);
CREATE INDEX alert_notices_incident ON alert_notices (tenant, incident);
CREATE INDEX alert_notices_next ON alert_notices (next) WHERE next <> 0;
CREATE TABLE alert_counts (
	tenant   BIGINT NOT NULL,
	alert    BIGINT NOT NULL,
	counted  BIGINT NOT NULL,
	at       BIGINT NOT NULL,
	key      TEXT   COLLATE "C" NOT NULL,
	node     TEXT   COLLATE "C" NOT NULL,
	data     BYTEA  NOT NULL, -- JSON of alert.Counts
	PRIMARY KEY (tenant, alert, at, key, node)
);
CREATE TABLE alert_sensors (
	tenant BIGINT NOT NULL,
	sensor UUID NOT NULL,
	seen   BIGINT NOT NULL,
	PRIMARY KEY (tenant, sensor)
);
CREATE TABLE alert_leases (
	name   TEXT   NOT NULL PRIMARY KEY,
	holder TEXT   NOT NULL,
	ends   BIGINT NOT NULL
);

ALTER TABLE alerts          ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_states    ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_receivers ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_silences  ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_incidents ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_notices   ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_counts    ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_sensors   ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON alerts          FOR SELECT USING (tenant = (SELECT NULLIF(current_setting('hosted.tenant', true), '')::bigint));
CREATE POLICY own ON alert_states    FOR SELECT USING (tenant = (SELECT NULLIF(current_setting('hosted.tenant', true), '')::bigint));
CREATE POLICY own ON alert_receivers FOR SELECT USING (tenant = (SELECT NULLIF(current_setting('hosted.tenant', true), '')::bigint));
CREATE POLICY own ON alert_silences  FOR SELECT USING (tenant = (SELECT NULLIF(current_setting('hosted.tenant', true), '')::bigint));
CREATE POLICY own ON alert_incidents FOR SELECT USING (tenant = (SELECT NULLIF(current_setting('hosted.tenant', true), '')::bigint));
CREATE POLICY own ON alert_notices   FOR SELECT USING (tenant = (SELECT NULLIF(current_setting('hosted.tenant', true), '')::bigint));
CREATE POLICY own ON alert_counts    FOR SELECT USING (tenant = (SELECT NULLIF(current_setting('hosted.tenant', true), '')::bigint));
CREATE POLICY own ON alert_sensors   FOR SELECT USING (tenant = (SELECT NULLIF(current_setting('hosted.tenant', true), '')::bigint));
