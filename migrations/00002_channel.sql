-- +goose Up

-- What a testimony gains once it lives on the channel.
ALTER TABLE testimonies ADD COLUMN translations TEXT NOT NULL DEFAULT '{}'; -- {"en": {"title": "…", "description": "…"}}
ALTER TABLE testimonies ADD COLUMN publish_at DATETIME; -- not before, chosen by staff
ALTER TABLE testimonies ADD COLUMN amended_at DATETIME; -- last change after its approval
ALTER TABLE testimonies ADD COLUMN origin TEXT NOT NULL DEFAULT 'portal' CHECK (origin IN ('portal', 'channel')); -- channel: it was there before the portal
ALTER TABLE testimonies ADD COLUMN proof_email TEXT NOT NULL DEFAULT ''; -- who is sent the proof of a withdrawal

-- Captions as WebVTT, one for each language.
CREATE TABLE captions (
    id           INTEGER PRIMARY KEY,
    testimony_id INTEGER NOT NULL REFERENCES testimonies (id) ON DELETE CASCADE,
    language     TEXT NOT NULL,
    filename     TEXT NOT NULL,
    vtt          TEXT NOT NULL,
    sha256       TEXT NOT NULL,
    created_at   DATETIME NOT NULL,
    created_by   TEXT NOT NULL,
    UNIQUE (testimony_id, language)
);

-- How the video came to the channel, and how it leaves.
ALTER TABLE publications ADD COLUMN origin TEXT NOT NULL DEFAULT 'portal' CHECK (origin IN ('portal', 'hand', 'channel'));
ALTER TABLE publications ADD COLUMN verified INTEGER NOT NULL DEFAULT 1; -- 0: a link pasted while there was no channel to ask
ALTER TABLE publications ADD COLUMN publish_at DATETIME; -- YouTube makes it public then
ALTER TABLE publications ADD COLUMN hidden_at DATETIME; -- withdrawn: private since
ALTER TABLE publications ADD COLUMN delete_at DATETIME; -- withdrawn: deleted then
ALTER TABLE publications ADD COLUMN reconciled_at DATETIME;
ALTER TABLE publications ADD COLUMN captions_seen_at DATETIME;

-- The plan after the upload: what the channel should have (wanted) and what it
-- was last made to have (had), as fingerprints; empty is nothing.
CREATE TABLE publication_steps (
    id             INTEGER PRIMARY KEY,
    publication_id INTEGER NOT NULL REFERENCES publications (id) ON DELETE CASCADE,
    kind           TEXT NOT NULL CHECK (kind IN ('privacy', 'words', 'thumbnail', 'playlist', 'localizations', 'captions')),
    key            TEXT NOT NULL DEFAULT '', -- of a playlist theme/… or zone/…, of captions the language
    state          TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'blocked')),
    wanted         TEXT NOT NULL,
    had            TEXT NOT NULL DEFAULT '',
    remote_id      TEXT NOT NULL DEFAULT '', -- of the entry in a playlist, of the captions
    reason         TEXT NOT NULL DEFAULT '',
    tries          INTEGER NOT NULL DEFAULT 0,
    failing_since  DATETIME,
    next_at        DATETIME,
    since          DATETIME NOT NULL,
    UNIQUE (publication_id, kind, key)
);
CREATE INDEX publication_steps_by_state ON publication_steps (state, kind);

-- The playlists that the portal keeps on a channel.
CREATE TABLE playlists (
    channel_id TEXT NOT NULL,
    key        TEXT NOT NULL, -- theme/… or zone/…
    youtube_id TEXT NOT NULL,
    made_at    DATETIME NOT NULL,
    PRIMARY KEY (channel_id, key)
);

-- Of the views of a line, those that its testimonies had before the portal: they
-- count, but were not gained on the day they were first seen.
ALTER TABLE daily_totals ADD COLUMN brought INTEGER NOT NULL DEFAULT 0;

-- What is taken out of a bucket for a call under way; after a kill it counts as
-- spent.
CREATE TABLE quota_reservations (
    id     INTEGER PRIMARY KEY,
    day    TEXT NOT NULL,
    bucket TEXT NOT NULL CHECK (bucket IN ('uploads', 'statistics', 'units')),
    units  INTEGER NOT NULL,
    at     DATETIME NOT NULL
);
CREATE INDEX quota_reservations_by_day ON quota_reservations (day, bucket);

-- Differences between portal and channel that a person should settle.
CREATE TABLE findings (
    id             INTEGER PRIMARY KEY,
    publication_id INTEGER NOT NULL REFERENCES publications (id) ON DELETE CASCADE,
    kind           TEXT NOT NULL,
    key            TEXT NOT NULL DEFAULT '',
    detail         TEXT NOT NULL DEFAULT '{}',
    found_at       DATETIME NOT NULL,
    seen_at        DATETIME NOT NULL,
    settled_at     DATETIME,
    settled_by     TEXT NOT NULL DEFAULT '',
    remedy         TEXT NOT NULL DEFAULT '',
    mark           TEXT NOT NULL DEFAULT '' -- what the channel had, as a fingerprint: the same again is the same difference
);
CREATE INDEX findings_by_publication ON findings (publication_id, kind, key);
CREATE UNIQUE INDEX findings_open ON findings (publication_id, kind, key) WHERE settled_at IS NULL;

CREATE TABLE reconciliations (
    id          INTEGER PRIMARY KEY,
    started_at  DATETIME NOT NULL,
    finished_at DATETIME,
    checked     INTEGER NOT NULL DEFAULT 0,
    missing     INTEGER NOT NULL DEFAULT 0,
    found       INTEGER NOT NULL DEFAULT 0,
    trouble     TEXT NOT NULL DEFAULT ''
);

-- The general rehearsal: a clip of five seconds that goes to the channel and
-- off it again.
CREATE TABLE rehearsals (
    id          INTEGER PRIMARY KEY,
    started_at  DATETIME NOT NULL,
    started_by  TEXT NOT NULL,
    channel_id  TEXT NOT NULL,
    slug        TEXT NOT NULL UNIQUE,
    stage       TEXT NOT NULL,
    youtube_id  TEXT,
    bytes       INTEGER NOT NULL DEFAULT 0,
    reason      TEXT NOT NULL DEFAULT '',
    finished_at DATETIME
);

ALTER TABLE channels ADD COLUMN token_ends_at DATETIME; -- Google said so: an app that is only being tested
ALTER TABLE channels ADD COLUMN troubled_at DATETIME;
ALTER TABLE channels ADD COLUMN purged_at DATETIME; -- what the terms do not let us keep was deleted

-- +goose Down
SELECT RAISE(ABORT, 'restore a back-up instead');
