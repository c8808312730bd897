-- +goose Up
-- What is shown of a file, in milliseconds from its beginning; an end of 0 is
-- the file's own. It may be chosen while the file still arrives.
ALTER TABLE uploads ADD COLUMN trim_from_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE uploads ADD COLUMN trim_to_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE videos ADD COLUMN trim_from_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE videos ADD COLUMN trim_to_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE videos ADD COLUMN source_ms INTEGER NOT NULL DEFAULT 0; -- how long the original plays; duration_ms is of what is shown
ALTER TABLE videos ADD COLUMN cut TEXT NOT NULL DEFAULT ''; -- what the trim left of the original, in the vault
ALTER TABLE videos ADD COLUMN cut_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE videos ADD COLUMN cut_sha256 TEXT NOT NULL DEFAULT '';
ALTER TABLE videos ADD COLUMN uncut TEXT NOT NULL DEFAULT ''; -- rendition of the whole original while a trim is chosen
UPDATE videos SET source_ms = duration_ms;
