-- The views of each line of a dimension at the end of some days.
SELECT key, day, views FROM daily_totals WHERE dimension = @dimension AND day IN @days
