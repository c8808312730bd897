-- The line of one municipality, with those that merged into it, a row a day, from
-- the day of its first testimony.
SELECT day, sum(views), sum(brought) FROM daily_totals
WHERE dimension = 'municipality' AND key IN (SELECT istat_code FROM municipalities WHERE istat_code = @code OR merged_into = @code)
GROUP BY day ORDER BY day
