-- The line of one municipality, a row a day, from the day of its first testimony.
SELECT day, views, brought FROM daily_totals WHERE dimension = 'municipality' AND key = @code ORDER BY day
