-- +goose Up
-- Several people act for a town hall, each with a link of their own. The one
-- without a name is the town hall's, which the metropolitan city hands out.
ALTER TABLE links ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE links ADD COLUMN email TEXT NOT NULL DEFAULT ''; -- where notices go; empty: none
ALTER TABLE links ADD COLUMN notices TEXT NOT NULL DEFAULT 'all' CHECK (notices IN ('all', 'important', 'none'));
DROP INDEX links_in_force;
CREATE UNIQUE INDEX links_in_force ON links (municipality_code)
    WHERE municipality_code IS NOT NULL AND revoked_at IS NULL AND name = '';
CREATE INDEX links_of_municipality ON links (municipality_code, id) WHERE municipality_code IS NOT NULL;

-- +goose Down
SELECT RAISE(ABORT, 'restore a back-up instead');
