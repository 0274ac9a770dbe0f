-- +goose Up
-- Whoever reads for a tenant (role.go) sees that tenant's rows and no others, whatever a statement asks for. The owner of the
-- tables, as which sensors' batches and accounts are written, is not bound by these.
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE users   ENABLE ROW LEVEL SECURITY;
ALTER TABLE sensors ENABLE ROW LEVEL SECURITY;
ALTER TABLE cursors ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit   ENABLE ROW LEVEL SECURITY;
ALTER TABLE rules   ENABLE ROW LEVEL SECURITY;
ALTER TABLE calls   ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON tenants FOR SELECT USING (id     = (SELECT NULLIF(current_setting('hosted.tenant', true), '')::bigint));
CREATE POLICY own ON users   FOR SELECT USING (tenant = (SELECT NULLIF(current_setting('hosted.tenant', true), '')::bigint));
CREATE POLICY own ON sensors FOR SELECT USING (tenant = (SELECT NULLIF(current_setting('hosted.tenant', true), '')::bigint));
CREATE POLICY own ON cursors FOR SELECT USING (tenant = (SELECT NULLIF(current_setting('hosted.tenant', true), '')::bigint));
CREATE POLICY own ON audit   FOR SELECT USING (tenant = (SELECT NULLIF(current_setting('hosted.tenant', true), '')::bigint));
CREATE POLICY own ON rules   FOR SELECT USING (tenant = (SELECT NULLIF(current_setting('hosted.tenant', true), '')::bigint));
CREATE POLICY own ON calls   FOR SELECT USING (tenant = (SELECT NULLIF(current_setting('hosted.tenant', true), '')::bigint));
