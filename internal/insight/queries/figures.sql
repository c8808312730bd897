-- The newest totals of a dimension, with what was gained in a week and in a
-- month: what the testimonies had before the portal was is not.
-- Each line has a row for each day from its first one: a line without a row on
-- a day had not begun.
SELECT t.key, t.testimonies, t.views,
       t.views - t.brought - coalesce((SELECT w.views - w.brought FROM daily_totals w
                 WHERE w.dimension = t.dimension AND w.key = t.key AND w.day <= @week_ago
                 ORDER BY w.day DESC LIMIT 1), 0) AS gained_7,
       t.views - t.brought - coalesce((SELECT m.views - m.brought FROM daily_totals m
                 WHERE m.dimension = t.dimension AND m.key = t.key AND m.day <= @month_ago
                 ORDER BY m.day DESC LIMIT 1), 0) AS gained_30
FROM daily_totals t
WHERE t.dimension = @dimension
  AND t.day = (SELECT max(day) FROM daily_totals WHERE dimension = 'all' AND key = '')
