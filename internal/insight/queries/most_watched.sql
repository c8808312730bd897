-- The testimonies with the most views, from the index of the newest counts.
SELECT t.id, t.title, t.language, t.speaker_name, t.speaker_role, t.sample, t.municipality_code, l.views, l.taken_at
FROM latest_views l
JOIN publications p ON p.id = l.publication_id
JOIN testimonies t ON t.id = p.testimony_id
WHERE l.views IS NOT NULL AND t.state = 'published' AND t.visibility = 'public'
ORDER BY l.views DESC, l.publication_id
LIMIT @n
