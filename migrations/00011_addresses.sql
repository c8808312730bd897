-- +goose Up
-- The address of a testimony has its title in it. Those that it had before go on
-- leading there, for people were given them.
ALTER TABLE testimonies ADD COLUMN former_slugs TEXT NOT NULL DEFAULT '[]';

-- +goose Down
SELECT RAISE(ABORT, 'restore a back-up instead');
