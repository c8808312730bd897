-- +goose Up
-- In two goes: a small version of a video comes first, so that the newsroom can
-- begin, and the whole file follows when the line allows. There is one current
-- file of each kind.
ALTER TABLE videos ADD COLUMN kind TEXT NOT NULL DEFAULT 'full' CHECK (kind IN ('full', 'small'));
ALTER TABLE videos ADD COLUMN whole_bytes INTEGER NOT NULL DEFAULT 0; -- of a small one: the size of the file it was made of
ALTER TABLE uploads ADD COLUMN kind TEXT NOT NULL DEFAULT 'full' CHECK (kind IN ('full', 'small'));
ALTER TABLE uploads ADD COLUMN whole_bytes INTEGER NOT NULL DEFAULT 0;
DROP INDEX videos_current;
CREATE UNIQUE INDEX videos_current ON videos (testimony_id, kind) WHERE state <> 'replaced';

-- What a moderator must know before deciding: the whole file is not what the
-- small version was.
ALTER TABLE testimonies ADD COLUMN doubt TEXT NOT NULL DEFAULT '';

-- +goose Down
SELECT RAISE(ABORT, 'restore a back-up instead');
