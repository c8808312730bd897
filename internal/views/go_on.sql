-- A new day begins with what the last one ended with.
INSERT INTO daily_totals (dimension, key, day, testimonies, views, gained, brought)
SELECT dimension, key, @to, testimonies, views, 0, brought
FROM daily_totals
WHERE dimension IN ('all', 'theme', 'zone', 'municipality', 'language') AND day = @from
