-- +goose Up
ALTER TABLE users ADD COLUMN rights TEXT NOT NULL DEFAULT ''; -- words between commas, see store.Rights
UPDATE users SET rights = 'listen,download,rules' WHERE role = 'admin';
UPDATE users SET rights = 'listen,download' WHERE role = 'user';
ALTER TABLE api_tokens ADD COLUMN rights TEXT; -- NULL: all that its user may do
