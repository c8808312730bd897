-- +goose Up

-- What was measured in the last try-out of each person of a town hall. The film
-- itself is not kept.
CREATE TABLE tryouts (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    link_id      INTEGER NOT NULL UNIQUE REFERENCES links (id) ON DELETE CASCADE,
    at           DATETIME NOT NULL,
    width        INTEGER NOT NULL,
    height       INTEGER NOT NULL,
    frame_rate   REAL NOT NULL,
    light_mean   INTEGER NOT NULL, -- 0 to 255
    light_centre INTEGER NOT NULL,
    light_high   INTEGER NOT NULL,
    has_sound    INTEGER NOT NULL,
    loudness     REAL NOT NULL, -- LUFS
    peak         REAL NOT NULL, -- dBTP
    clipped      REAL NOT NULL, -- part of the samples
    floor        REAL NOT NULL, -- dB of full scale
    low          REAL NOT NULL, -- part of the energy
    bytes        INTEGER NOT NULL,
    received_ms  INTEGER NOT NULL, -- by the portal's clock
    sent_ms      INTEGER NOT NULL DEFAULT 0 -- by the sender's; 0 if it did not say
);
CREATE INDEX tryouts_by_time ON tryouts (at);
