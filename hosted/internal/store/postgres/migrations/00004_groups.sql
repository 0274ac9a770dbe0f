-- +goose Up
CREATE INDEX calls_group ON calls (tenant, group_id) WHERE group_id <> CAST(id AS TEXT); -- most calls are a group of their own
