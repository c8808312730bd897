-- When the newest counts came.
SELECT started_at, finished_at FROM sync_runs WHERE answered > 0 ORDER BY id DESC LIMIT 1
