-- +goose Up
-- What conditions on fields without an index are asked of; calls that were stored before have NULL.
ALTER TABLE calls
	ADD COLUMN facts       TEXT COLLATE "C", -- rules.Facts
	ADD COLUMN duration_ms BIGINT,
	ADD COLUMN connect_ms  BIGINT,
	ADD COLUMN pdd_ms      BIGINT,
	ADD COLUMN loss_pct    DOUBLE PRECISION,
	ADD COLUMN jitter_ms   DOUBLE PRECISION;
