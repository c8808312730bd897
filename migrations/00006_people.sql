-- +goose Up

-- What a person does in the town hall, such as "Ufficio stampa".
ALTER TABLE links ADD COLUMN office TEXT NOT NULL DEFAULT '';
-- Nobody is in the list of a town hall twice.
CREATE UNIQUE INDEX links_of_people ON links (municipality_code, name)
    WHERE municipality_code IS NOT NULL AND revoked_at IS NULL AND name <> '';

-- Asking whoever speaks to approve a testimony. The link for it is known to
-- them only.
CREATE TABLE approvals (
    id           INTEGER PRIMARY KEY,
    testimony_id INTEGER NOT NULL REFERENCES testimonies (id) ON DELETE CASCADE,
    state        TEXT NOT NULL CHECK (state IN ('asked', 'given', 'refused', 'taken_back', 'replaced')),
    token_hash   BLOB NOT NULL UNIQUE,
    name         TEXT NOT NULL,
    email        TEXT NOT NULL,
    said         TEXT NOT NULL, -- words, consents and video that it is about, as a fingerprint
    asked_at     DATETIME NOT NULL,
    asked_by     TEXT NOT NULL,
    expires_at   DATETIME NOT NULL,
    answered_at  DATETIME,
    objection    TEXT NOT NULL DEFAULT ''
);
CREATE INDEX approvals_by_testimony ON approvals (testimony_id, id);
CREATE UNIQUE INDEX approvals_in_force ON approvals (testimony_id) WHERE state IN ('asked', 'given', 'refused');

-- A short code with which another device goes on with one testimony.
CREATE TABLE handovers (
    id           INTEGER PRIMARY KEY,
    link_id      INTEGER NOT NULL REFERENCES links (id),
    testimony_id INTEGER NOT NULL REFERENCES testimonies (id) ON DELETE CASCADE,
    code_mark    BLOB NOT NULL UNIQUE, -- made with the portal's key: a code is short enough to be guessed from a plain hash
    code_sealed  BLOB,                 -- until it is used
    created_at   DATETIME NOT NULL,
    expires_at   DATETIME NOT NULL,
    used_at      DATETIME,
    ended_at     DATETIME
);
CREATE INDEX handovers_by_testimony ON handovers (testimony_id, id);
CREATE UNIQUE INDEX handovers_open ON handovers (testimony_id) WHERE used_at IS NULL AND ended_at IS NULL;

-- Codes that were wrong, against guessing; who sent them as a fingerprint.
CREATE TABLE wrong_codes (
    id     INTEGER PRIMARY KEY,
    sender BLOB NOT NULL,
    at     DATETIME NOT NULL
);
CREATE INDEX wrong_codes_by_time ON wrong_codes (at);

-- +goose Down
SELECT RAISE(ABORT, 'restore a back-up instead');
