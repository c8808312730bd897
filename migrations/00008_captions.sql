-- +goose Up

-- Captions of a machine come out only once a person has read them.
ALTER TABLE captions ADD COLUMN source TEXT NOT NULL DEFAULT 'person' CHECK (source IN ('person', 'machine'));
ALTER TABLE captions ADD COLUMN read_by TEXT NOT NULL DEFAULT ''; -- who confirmed to have read them again
ALTER TABLE captions ADD COLUMN read_at DATETIME;

-- Captions that are being written, one draft for each language. Nobody sees them
-- but who writes: the text may have errors.
CREATE TABLE caption_drafts (
    id           INTEGER PRIMARY KEY,
    testimony_id INTEGER NOT NULL REFERENCES testimonies (id) ON DELETE CASCADE,
    language     TEXT NOT NULL,
    text         TEXT NOT NULL, -- WebVTT, as it was typed
    filename     TEXT NOT NULL DEFAULT '', -- of the file that it came from
    source       TEXT NOT NULL CHECK (source IN ('person', 'machine')),
    page         TEXT NOT NULL DEFAULT '', -- mark of the open page that wrote it last
    changed_at   DATETIME NOT NULL,
    changed_by   TEXT NOT NULL,
    UNIQUE (testimony_id, language)
);

-- What the speech-to-text program was asked, one row for each file.
CREATE TABLE transcriptions (
    video_id   INTEGER PRIMARY KEY REFERENCES videos (id) ON DELETE CASCADE,
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'failed')),
    reason     TEXT NOT NULL DEFAULT '', -- why it failed last
    tries      INTEGER NOT NULL DEFAULT 0,
    changed_at DATETIME NOT NULL
);

-- +goose Down
SELECT RAISE(ABORT, 'restore a back-up instead');
