-- The first and the last day of the totals.
SELECT (SELECT min(day) FROM daily_totals WHERE dimension = 'all' AND key = ''),
       (SELECT max(day) FROM daily_totals WHERE dimension = 'all' AND key = '')
