-- The testimonies that count, with where they are.
SELECT t.id, t.published_at, t.created_at, t.municipality_code, t.language, m.zone_slug, p.id AS publication_id,
       coalesce(p.origin = 'channel', 0) AS adopted
FROM testimonies t
JOIN municipalities m ON m.istat_code = t.municipality_code
LEFT JOIN publications p ON p.testimony_id = t.id
WHERE t.state = 'published' AND t.visibility = 'public'
