-- +goose Up
CREATE TABLE alerts (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	tenant   INTEGER  NOT NULL REFERENCES tenants (id),
	revision INTEGER  NOT NULL,
	spec     BLOB   NOT NULL, -- JSON of alert.Spec
	enabled  BOOLEAN NOT NULL,
	author   TEXT    NOT NULL,
	changed  INTEGER  NOT NULL
);
CREATE INDEX alerts_tenant ON alerts (tenant);
CREATE TABLE alert_states (
	tenant INTEGER NOT NULL,
	alert  INTEGER NOT NULL, -- may be gone
	data   BLOB  NOT NULL, -- JSON of alert.State
	PRIMARY KEY (tenant, alert)
);
CREATE TABLE alert_receivers (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	tenant  INTEGER NOT NULL REFERENCES tenants (id),
	spec    BLOB  NOT NULL, -- JSON of alert.Receiver
	author  TEXT   NOT NULL,
	changed INTEGER NOT NULL
);
CREATE INDEX alert_receivers_tenant ON alert_receivers (tenant);
CREATE TABLE alert_silences (
	id     INTEGER PRIMARY KEY AUTOINCREMENT,
	tenant INTEGER NOT NULL REFERENCES tenants (id),
	alert  INTEGER NOT NULL, -- 0: all
	begins INTEGER NOT NULL,
	ends   INTEGER NOT NULL,
	author TEXT   NOT NULL,
	reason TEXT   NOT NULL
);
CREATE INDEX alert_silences_tenant ON alert_silences (tenant, ends);
CREATE TABLE alert_incidents (
	id       TEXT   NOT NULL,
	tenant   INTEGER NOT NULL,
	alert    INTEGER NOT NULL, -- may be gone
	started  INTEGER NOT NULL,
	ended    INTEGER NOT NULL, -- 0: it lasts
	data     BLOB  NOT NULL, -- JSON of alert.Incident
	acked_by TEXT   NOT NULL,
	acked_at INTEGER NOT NULL,
	ack_note TEXT   NOT NULL,
	PRIMARY KEY (tenant, id)
);
CREATE INDEX alert_incidents_tenant ON alert_incidents (tenant, started, id);
CREATE TABLE alert_notices (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	tenant   INTEGER NOT NULL,
	incident TEXT   NOT NULL,
	receiver INTEGER NOT NULL,
	name     TEXT   NOT NULL,
	event    TEXT   NOT NULL,
	body     BLOB  NOT NULL, -- JSON of alert.Message
	created  INTEGER NOT NULL,
	next     INTEGER NOT NULL, -- 0: is not tried any more
	done     INTEGER NOT NULL, -- 0: was not delivered
	attempts BLOB  NOT NULL  -- JSON of []store.Attempted
);
CREATE INDEX alert_notices_incident ON alert_notices (tenant, incident);
CREATE INDEX alert_notices_next ON alert_notices (next) WHERE next <> 0;
CREATE TABLE alert_counts (
	tenant   INTEGER NOT NULL,
	alert    INTEGER NOT NULL,
	counted  INTEGER NOT NULL,
	at       INTEGER NOT NULL,
	key      TEXT   NOT NULL,
	node     TEXT   NOT NULL,
	data     BLOB  NOT NULL, -- JSON of alert.Counts
	PRIMARY KEY (tenant, alert, at, key, node)
);
CREATE TABLE alert_sensors (
	tenant INTEGER NOT NULL,
	sensor TEXT NOT NULL,
	seen   INTEGER NOT NULL,
	PRIMARY KEY (tenant, sensor)
);
CREATE TABLE alert_leases (
	name   TEXT   NOT NULL PRIMARY KEY,
	holder TEXT   NOT NULL,
	ends   INTEGER NOT NULL
);
