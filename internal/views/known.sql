-- What is known of publications before, on and after a day.
SELECT p.id, p.origin = 'channel' AS adopted,
       (SELECT d.views FROM daily_views d WHERE d.publication_id = p.id AND d.day < @day ORDER BY d.day DESC LIMIT 1) AS before,
       (SELECT d.views FROM daily_views d WHERE d.publication_id = p.id AND d.day = @day) AS today,
       EXISTS (SELECT 1 FROM daily_views d WHERE d.publication_id = p.id AND d.day > @day) AS later
FROM publications p
WHERE p.id IN @publications
