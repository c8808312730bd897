-- +goose Up

-- The territory: copied at each start from the registry embedded in the
-- program, so that queries can join it.
CREATE TABLE zones (
    slug   TEXT PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,
    name   TEXT NOT NULL
) STRICT;

CREATE TABLE municipalities (
    istat_code     TEXT PRIMARY KEY,
    name           TEXT NOT NULL,
    slug           TEXT NOT NULL UNIQUE,
    zone_slug      TEXT NOT NULL REFERENCES zones (slug),
    residents      INTEGER NOT NULL,
    latitude       REAL NOT NULL,
    longitude      REAL NOT NULL,
    hex_col        INTEGER NOT NULL,
    hex_row        INTEGER NOT NULL,
    established_on TEXT,
    dissolved_on   TEXT,
    merged_into    TEXT REFERENCES municipalities (istat_code) DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE INDEX municipalities_by_zone ON municipalities (zone_slug, name);

-- Who may act.
CREATE TABLE accounts (
    id         INTEGER PRIMARY KEY,
    email      TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    role       TEXT NOT NULL CHECK (role IN ('moderator', 'administrator')),
    created_at DATETIME NOT NULL
);

-- An address that lets somebody in: a town hall (for long, many times) or a
-- member of staff (for minutes, once).
CREATE TABLE links (
    id                INTEGER PRIMARY KEY,
    token_hash        BLOB NOT NULL UNIQUE,
    token_sealed      BLOB,
    municipality_code TEXT REFERENCES municipalities (istat_code),
    account_id        INTEGER REFERENCES accounts (id),
    created_at        DATETIME NOT NULL,
    expires_at        DATETIME,
    last_used_at      DATETIME,
    revoked_at        DATETIME,
    CHECK ((municipality_code IS NULL) <> (account_id IS NULL))
);
-- One link in force for each town hall.
CREATE UNIQUE INDEX links_in_force ON links (municipality_code)
    WHERE municipality_code IS NOT NULL AND revoked_at IS NULL;

-- alexedwards/scs keeps sessions here; token is a hash.
CREATE TABLE sessions (
    token  TEXT PRIMARY KEY,
    data   BLOB NOT NULL,
    expiry INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_expiry ON sessions (expiry);

-- Every act, never changed.
CREATE TABLE audit (
    id         INTEGER PRIMARY KEY,
    at         DATETIME NOT NULL,
    actor      TEXT NOT NULL,
    action     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    detail     TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_by_subject ON audit (subject, subject_id, id);
-- +goose StatementBegin
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
-- +goose StatementEnd

-- What mayors say.
CREATE TABLE themes (
    id           INTEGER PRIMARY KEY,
    slug         TEXT NOT NULL UNIQUE,
    position     INTEGER NOT NULL,
    name_it      TEXT NOT NULL,
    name_en      TEXT NOT NULL,
    name_fr      TEXT NOT NULL,
    colour       TEXT NOT NULL,
    icon         TEXT NOT NULL,
    youtube_tags TEXT NOT NULL DEFAULT '[]'
) STRICT;

INSERT INTO themes (slug, position, name_it, name_en, name_fr, colour, icon, youtube_tags) VALUES
    ('solidarieta', 1, 'Solidarietà', 'Solidarity', 'Solidarité', '#0072B2', 'solidarity', '["solidarietà"]'),
    ('sostegno-persone-in-difficolta', 2, 'Sostegno a chi è in difficoltà', 'Support for people in need', 'Soutien aux personnes en difficulté', '#D55E00', 'support', '["sostegno","aiuto alle persone"]'),
    ('alimenti-e-mascherine', 3, 'Alimenti e mascherine', 'Food and masks', 'Aide alimentaire et masques', '#009E73', 'food', '["buoni spesa","mascherine"]'),
    ('volontariato', 4, 'Volontariato', 'Volunteering', 'Bénévolat', '#E69F00', 'volunteering', '["volontariato"]'),
    ('sostegno-psicologico', 5, 'Sostegno psicologico', 'Psychological support', 'Soutien psychologique', '#CC79A7', 'mind', '["sostegno psicologico"]'),
    ('spazi-per-i-giovani', 6, 'Spazi per i giovani', 'Spaces for young people', 'Espaces pour les jeunes', '#56B4E9', 'young', '["giovani"]');

CREATE TABLE testimonies (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    municipality_code TEXT NOT NULL REFERENCES municipalities (istat_code),
    state             TEXT NOT NULL CHECK (state IN ('draft', 'in_review', 'changes_requested', 'approved', 'published', 'rejected', 'withdrawn')),
    reason            TEXT NOT NULL DEFAULT '',
    title             TEXT NOT NULL,
    description       TEXT NOT NULL DEFAULT '',
    language          TEXT NOT NULL DEFAULT 'it',
    speaker_name      TEXT NOT NULL DEFAULT '',
    speaker_role      TEXT NOT NULL DEFAULT '',
    recorded_on       TEXT NOT NULL DEFAULT '',
    tags              TEXT NOT NULL DEFAULT '[]',
    visibility        TEXT NOT NULL DEFAULT 'public' CHECK (visibility IN ('public', 'unlisted', 'private')),
    sample            INTEGER NOT NULL DEFAULT 0,
    -- What of the form could not be accepted yet, kept as it was typed.
    unfinished        TEXT NOT NULL DEFAULT '{}',
    version           INTEGER NOT NULL DEFAULT 1,
    created_at        DATETIME NOT NULL,
    updated_at        DATETIME NOT NULL,
    submitted_at      DATETIME,
    approved_at       DATETIME,
    published_at      DATETIME,
    closed_at         DATETIME
);
CREATE INDEX testimonies_by_municipality ON testimonies (municipality_code, id DESC);
CREATE INDEX testimonies_by_state ON testimonies (state, submitted_at);
-- What citizens see, newest first.
CREATE INDEX testimonies_shown ON testimonies (published_at DESC, id DESC)
    WHERE state = 'published' AND visibility = 'public';

CREATE TABLE testimony_themes (
    testimony_id INTEGER NOT NULL REFERENCES testimonies (id) ON DELETE CASCADE,
    theme_id     INTEGER NOT NULL REFERENCES themes (id),
    PRIMARY KEY (testimony_id, theme_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX testimony_themes_by_theme ON testimony_themes (theme_id, testimony_id);

-- Consents, each with the words that were accepted.
CREATE TABLE releases (
    id           INTEGER PRIMARY KEY,
    testimony_id INTEGER NOT NULL REFERENCES testimonies (id) ON DELETE CASCADE,
    kind         TEXT NOT NULL,
    version      TEXT NOT NULL,
    wording      TEXT NOT NULL,
    accepted_at  DATETIME NOT NULL,
    accepted_by  TEXT NOT NULL,
    UNIQUE (testimony_id, kind, version)
);

-- A tus upload: who it belongs to. Its bytes and offset are in its files.
CREATE TABLE uploads (
    id           TEXT PRIMARY KEY,
    testimony_id INTEGER NOT NULL REFERENCES testimonies (id) ON DELETE CASCADE,
    filename     TEXT NOT NULL,
    size         INTEGER NOT NULL,
    created_at   DATETIME NOT NULL,
    received_at  DATETIME,
    discarded_at DATETIME
);
CREATE INDEX uploads_by_testimony ON uploads (testimony_id, created_at);

-- The file of a testimony, as received and as seen.
CREATE TABLE videos (
    id           INTEGER PRIMARY KEY,
    testimony_id INTEGER NOT NULL REFERENCES testimonies (id) ON DELETE CASCADE,
    upload_id    TEXT NOT NULL UNIQUE,
    state        TEXT NOT NULL CHECK (state IN ('checking', 'ready', 'unusable', 'replaced')),
    reason       TEXT NOT NULL DEFAULT '',
    original     TEXT NOT NULL,
    filename     TEXT NOT NULL,
    bytes        INTEGER NOT NULL,
    sha256       TEXT NOT NULL DEFAULT '',
    container    TEXT NOT NULL DEFAULT '',
    video_codec  TEXT NOT NULL DEFAULT '',
    audio_codec  TEXT NOT NULL DEFAULT '',
    width        INTEGER NOT NULL DEFAULT 0,
    height       INTEGER NOT NULL DEFAULT 0,
    rotation     INTEGER NOT NULL DEFAULT 0,
    duration_ms  INTEGER NOT NULL DEFAULT 0,
    has_sound    INTEGER NOT NULL DEFAULT 0,
    poster       TEXT NOT NULL DEFAULT '',
    rendition    TEXT NOT NULL DEFAULT '',
    received_at  DATETIME NOT NULL,
    checked_at   DATETIME
);
CREATE UNIQUE INDEX videos_current ON videos (testimony_id) WHERE state <> 'replaced';

-- The channel and what we may do on it.
CREATE TABLE channels (
    id                TEXT PRIMARY KEY,
    title             TEXT NOT NULL,
    uploads_playlist  TEXT NOT NULL,
    long_uploads      TEXT NOT NULL DEFAULT '',
    scopes            TEXT NOT NULL DEFAULT '',
    token_sealed      BLOB,
    connected_at      DATETIME NOT NULL,
    connected_by      TEXT NOT NULL,
    checked_at        DATETIME,
    last_success_at   DATETIME,
    trouble           TEXT NOT NULL DEFAULT '',
    disconnected_at   DATETIME
);
CREATE UNIQUE INDEX channels_connected ON channels ((1)) WHERE disconnected_at IS NULL;

-- A testimony's life on the channel.
CREATE TABLE publications (
    id                INTEGER PRIMARY KEY,
    testimony_id      INTEGER NOT NULL UNIQUE REFERENCES testimonies (id),
    video_id          INTEGER NOT NULL REFERENCES videos (id),
    state             TEXT NOT NULL CHECK (state IN ('waiting', 'sending', 'processing', 'public', 'blocked', 'missing', 'removing', 'removed')),
    reason            TEXT NOT NULL DEFAULT '',
    until             DATETIME,
    since             DATETIME NOT NULL,
    slug              TEXT NOT NULL UNIQUE,
    channel_id        TEXT NOT NULL DEFAULT '',
    youtube_id        TEXT UNIQUE,
    wanted_privacy    TEXT NOT NULL,
    seen_privacy      TEXT NOT NULL DEFAULT '',
    -- The resumable session: committed before the first byte leaves.
    session_sealed    BLOB,
    session_started   DATETIME,
    session_total     INTEGER NOT NULL DEFAULT 0,
    last_byte_sent    INTEGER NOT NULL DEFAULT 0,
    stored_bytes      INTEGER NOT NULL DEFAULT 0,
    sha256            TEXT NOT NULL DEFAULT '',
    metadata_hash     TEXT NOT NULL DEFAULT '',
    polls             INTEGER NOT NULL DEFAULT 0,
    next_poll_at      DATETIME,
    uploaded_at       DATETIME,
    processed_at      DATETIME,
    seen_at           DATETIME,
    missed_at         DATETIME
);
CREATE INDEX publications_by_state ON publications (state, since);

-- What was spent of each bucket in the Pacific day.
CREATE TABLE quota_ledger (
    day    TEXT NOT NULL,
    bucket TEXT NOT NULL CHECK (bucket IN ('uploads', 'statistics', 'units')),
    spent  INTEGER NOT NULL,
    PRIMARY KEY (day, bucket)
) STRICT, WITHOUT ROWID;

-- View history. taken_at is in seconds since 1970, UTC; NULL is what YouTube
-- did not say. day is the day in Europe/Rome.
CREATE TABLE view_counts (
    publication_id INTEGER NOT NULL REFERENCES publications (id),
    taken_at       INTEGER NOT NULL,
    views          INTEGER,
    likes          INTEGER,
    comments       INTEGER,
    PRIMARY KEY (publication_id, taken_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE daily_views (
    publication_id INTEGER NOT NULL REFERENCES publications (id),
    day            TEXT NOT NULL,
    views          INTEGER NOT NULL,
    gained         INTEGER NOT NULL,
    PRIMARY KEY (publication_id, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX daily_views_by_day ON daily_views (day);

CREATE TABLE daily_totals (
    dimension   TEXT NOT NULL CHECK (dimension IN ('all', 'theme', 'zone', 'municipality', 'language')),
    key         TEXT NOT NULL,
    day         TEXT NOT NULL,
    testimonies INTEGER NOT NULL,
    views       INTEGER NOT NULL,
    gained      INTEGER NOT NULL,
    PRIMARY KEY (dimension, key, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX daily_totals_by_day ON daily_totals (dimension, day);

-- The newest count of each publication, for lists and cards.
CREATE TABLE latest_views (
    publication_id INTEGER PRIMARY KEY REFERENCES publications (id),
    views          INTEGER,
    likes          INTEGER,
    comments       INTEGER,
    taken_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX latest_views_most ON latest_views (views DESC);

CREATE TABLE sync_runs (
    id          INTEGER PRIMARY KEY,
    started_at  DATETIME NOT NULL,
    finished_at DATETIME,
    asked       INTEGER NOT NULL DEFAULT 0,
    answered    INTEGER NOT NULL DEFAULT 0,
    calls       INTEGER NOT NULL DEFAULT 0,
    failed      INTEGER NOT NULL DEFAULT 0,
    trouble     TEXT NOT NULL DEFAULT ''
);

-- Messages: kept until sent; without a mail server they stay to be read at /posta.
CREATE TABLE messages (
    id         INTEGER PRIMARY KEY,
    recipient  TEXT NOT NULL,
    subject    TEXT NOT NULL,
    text       TEXT NOT NULL,
    html       TEXT NOT NULL DEFAULT '',
    created_at DATETIME NOT NULL,
    sent_at    DATETIME
);
CREATE INDEX messages_newest ON messages (id DESC);

-- +goose Down
SELECT RAISE(ABORT, 'restore a back-up instead');
