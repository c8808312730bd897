-- +goose Up
-- How many codes a sender had wrong in a day is asked at each one.
CREATE INDEX wrong_codes_by_sender ON wrong_codes (sender, at);

-- +goose Down
SELECT RAISE(ABORT, 'restore a back-up instead');
