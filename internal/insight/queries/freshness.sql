-- The runs that say how fresh the counts are: the last that went well, and
-- since then the first and the last that did not.
WITH good AS (
    SELECT id FROM sync_runs WHERE finished_at IS NOT NULL AND trouble = '' ORDER BY id DESC LIMIT 1
)
SELECT 'good' AS what, started_at, finished_at, trouble FROM sync_runs WHERE id = (SELECT id FROM good)
UNION ALL
SELECT 'first', started_at, finished_at, trouble FROM sync_runs WHERE id =
    (SELECT id FROM sync_runs WHERE trouble <> '' AND id > coalesce((SELECT id FROM good), 0) ORDER BY id LIMIT 1)
UNION ALL
SELECT 'last', started_at, finished_at, trouble FROM sync_runs WHERE id =
    (SELECT id FROM sync_runs WHERE trouble <> '' AND id > coalesce((SELECT id FROM good), 0) ORDER BY id DESC LIMIT 1)
