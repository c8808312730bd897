-- The newest totals of a dimension, with the views of a week and a month ago.
-- Each line has a row for each day from its first one: a line without a row on
-- a day had not begun.
SELECT t.key, t.testimonies, t.views,
       coalesce((SELECT w.views FROM daily_totals w
                 WHERE w.dimension = t.dimension AND w.key = t.key AND w.day <= @week_ago
                 ORDER BY w.day DESC LIMIT 1), 0) AS week_ago,
       coalesce((SELECT m.views FROM daily_totals m
                 WHERE m.dimension = t.dimension AND m.key = t.key AND m.day <= @month_ago
                 ORDER BY m.day DESC LIMIT 1), 0) AS month_ago
FROM daily_totals t
WHERE t.dimension = @dimension
  AND t.day = (SELECT max(day) FROM daily_totals WHERE dimension = 'all' AND key = '')
