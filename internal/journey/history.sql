-- Sixty days up to today in which the views came that each testimony has: each
-- began on a day of its own, and had good and bad days.
UPDATE testimonies SET published_at = datetime('now', '-' || (58 - id % 7 * 8) || ' days') || '+00:00',
    recorded_on = date('now', '-' || (60 - id % 7 * 8) || ' days')
WHERE state = 'published';

DELETE FROM daily_views;

INSERT INTO daily_views (publication_id, day, views, gained)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 59),
each_day AS (
    SELECT p.id, date('now', '-' || (59 - n.i) || ' days') AS day, n.i - p.testimony_id % 7 * 8 AS age, 59 - p.testimony_id % 7 * 8 AS ages, v.views
    FROM publications p JOIN latest_views v ON v.publication_id = p.id CROSS JOIN n
    WHERE p.state = 'public' AND n.i > p.testimony_id % 7 * 8
),
counted AS (
    SELECT id, day, CAST(views * (0.7 * age / ages + 0.3 * age * age / ages / ages)
        * CASE age WHEN ages THEN 1 ELSE 0.94 + (id * 7919 + age * 104729) % 13 / 200.0 END AS INTEGER) AS views
    FROM each_day
)
SELECT id, day, views, views - lag(views, 1, 0) OVER (PARTITION BY id ORDER BY day) FROM counted
