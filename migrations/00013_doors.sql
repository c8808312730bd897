-- +goose Up
-- How many codes a sender had wrong in a day is asked at each one.
CREATE INDEX wrong_codes_by_sender ON wrong_codes (sender, at);

-- Who last changed what is said of a testimony, and the version that it has since:
-- a form that was shown before must not silently take the place of it.
ALTER TABLE testimonies ADD COLUMN worded_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE testimonies ADD COLUMN worded_by TEXT NOT NULL DEFAULT '';

-- +goose Down
SELECT RAISE(ABORT, 'restore a back-up instead');
