-- +goose Up
-- Whether somebody but the speaker can be recognised in the video: '' nobody
-- asked, 'open' asked and not answered yet.
ALTER TABLE testimonies ADD COLUMN others TEXT NOT NULL DEFAULT '' CHECK (others IN ('', 'open', 'no', 'yes'));
-- When a person who is filmed last took the consent back.
ALTER TABLE testimonies ADD COLUMN consent_lost_at DATETIME;

-- Everyone filmed, each with the words that were agreed to. A row is never
-- deleted: of one that was removed nothing says any more who it was.
CREATE TABLE filmed (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    testimony_id    INTEGER NOT NULL REFERENCES testimonies (id) ON DELETE CASCADE,
    form_key        TEXT NOT NULL DEFAULT '', -- of the form that added it: sent twice, it adds once
    name            TEXT NOT NULL,            -- or a description
    minor           INTEGER NOT NULL,
    guardian        TEXT NOT NULL DEFAULT '', -- who consents for a minor
    relation        TEXT NOT NULL DEFAULT '' CHECK (relation IN ('', 'parents', 'guardian', 'carer')),
    kind            TEXT NOT NULL,
    version         TEXT NOT NULL,
    wording         TEXT NOT NULL,
    given_on        TEXT NOT NULL,
    recorded_at     DATETIME NOT NULL,
    recorded_by     TEXT NOT NULL,
    corrected_at    DATETIME,
    corrected_by    TEXT NOT NULL DEFAULT '',
    revision        INTEGER NOT NULL DEFAULT 1,
    withdrawn_on    TEXT NOT NULL DEFAULT '', -- the day on which the person said so
    withdrawn_why   TEXT NOT NULL DEFAULT '',
    withdrawn_at    DATETIME,
    withdrawn_by    TEXT NOT NULL DEFAULT '',
    removed_at      DATETIME,
    removed_by      TEXT NOT NULL DEFAULT ''
);
CREATE INDEX filmed_by_testimony ON filmed (testimony_id, id);
CREATE UNIQUE INDEX filmed_once ON filmed (testimony_id, form_key) WHERE form_key <> '';

-- Signed releases, as files in the vault. One that was dropped is deleted later.
CREATE TABLE papers (
    name        TEXT PRIMARY KEY,
    filmed_id   INTEGER NOT NULL REFERENCES filmed (id) ON DELETE CASCADE,
    filename    TEXT NOT NULL, -- as the sender called it, for people only
    bytes       INTEGER NOT NULL,
    sha256      TEXT NOT NULL,
    received_at DATETIME NOT NULL,
    dropped_at  DATETIME
);
CREATE UNIQUE INDEX papers_current ON papers (filmed_id) WHERE dropped_at IS NULL;
CREATE INDEX papers_dropped ON papers (dropped_at) WHERE dropped_at IS NOT NULL;
