-- What the curve of each publication ends with, if it was ever counted.
SELECT p.id, d.views
FROM publications p
JOIN daily_views d ON d.publication_id = p.id
    AND d.day = (SELECT max(day) FROM daily_views WHERE publication_id = p.id)
