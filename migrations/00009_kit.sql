-- +goose Up

-- Mails to town halls of what becomes of their testimonies.
ALTER TABLE links ADD COLUMN language TEXT NOT NULL DEFAULT 'it' CHECK (language IN ('it', 'en', 'fr')); -- of the mails

ALTER TABLE messages ADD COLUMN choices TEXT NOT NULL DEFAULT ''; -- page where such mails are chosen, for List-Unsubscribe
ALTER TABLE messages ADD COLUMN refused_at DATETIME;              -- the mail server said never
ALTER TABLE messages ADD COLUMN refusal TEXT NOT NULL DEFAULT ''; -- with these words
CREATE INDEX messages_by_recipient ON messages (recipient, id);

-- How far the audit trail was read to tell town halls of it. What happened
-- before there were such mails is not told.
CREATE TABLE notices (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    audit_id INTEGER NOT NULL
) STRICT;
INSERT INTO notices (one, audit_id) SELECT 1, coalesce(max(id), 0) FROM audit;

-- Square and upright cuts of videos, made when they are asked for.
CREATE TABLE cuts (
    id           INTEGER PRIMARY KEY,
    testimony_id INTEGER NOT NULL REFERENCES testimonies (id) ON DELETE CASCADE,
    video_id     INTEGER NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
    shape        TEXT NOT NULL CHECK (shape IN ('square', 'vertical')),
    framing      TEXT NOT NULL CHECK (framing IN ('padded', 'cropped')),
    state        TEXT NOT NULL CHECK (state IN ('wanted', 'ready', 'failed', 'leaving')),
    reason       TEXT NOT NULL DEFAULT '',
    file         TEXT NOT NULL,
    bytes        INTEGER NOT NULL DEFAULT 0,
    asked_at     DATETIME NOT NULL,
    asked_by     TEXT NOT NULL,
    made_at      DATETIME
);
CREATE UNIQUE INDEX cuts_current ON cuts (testimony_id, shape) WHERE state <> 'leaving';
CREATE INDEX cuts_by_state ON cuts (state, made_at);

-- +goose Down
SELECT RAISE(ABORT, 'restore a back-up instead');
