-- A history of @days days up to @today, for each of @testimonies testimonies.
CREATE TEMP TABLE place AS
SELECT row_number() OVER (ORDER BY istat_code) - 1 AS n, istat_code FROM municipalities WHERE established_on IS NULL;

INSERT INTO testimonies (id, municipality_code, state, title, description, language, speaker_name, speaker_role, created_at, updated_at, published_at)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < @testimonies)
SELECT i, place.istat_code, 'published', 'Testimonianza di esempio numero ' || i, 'Testo di esempio.',
       CASE WHEN i % 20 = 0 THEN 'fr' ELSE 'it' END, 'Persona di esempio', 'Sindaca',
       date(@today, '-' || @days || ' days') || ' 08:00:00+00:00', date(@today, '-' || @days || ' days') || ' 08:00:00+00:00',
       date(@today, '-' || (@days - 1) || ' days') || ' 08:00:00+00:00'
FROM n JOIN temp.place ON place.n = n.i % (SELECT count(*) FROM temp.place);

INSERT INTO testimony_themes
SELECT id, id % 6 + 1 FROM testimonies
UNION ALL SELECT id, (id + 2) % 6 + 1 FROM testimonies WHERE id % 2 = 0
UNION ALL SELECT id, (id + 3) % 6 + 1 FROM testimonies WHERE id % 5 = 0;

INSERT INTO videos (id, testimony_id, upload_id, state, original, filename, bytes, received_at)
SELECT id, id, 'upload-' || id, 'ready', 'original', 'voce.mp4', 1, created_at FROM testimonies;

INSERT INTO publications (id, testimony_id, video_id, state, since, slug, youtube_id, wanted_privacy, seen_privacy)
SELECT id, id, id, 'public', created_at, 'job-' || id || '.mp4', 'video-' || id, 'public', 'public' FROM testimonies;

DROP INDEX daily_views_by_day;

CREATE TEMP TABLE calendar AS
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < @days - 1)
SELECT i, date(@today, '-' || (@days - 1 - i) || ' days') AS day FROM n;

-- Each video has a pace of its own and good and bad days; on a bad one it loses.
INSERT INTO daily_views (publication_id, day, views, gained)
SELECT p.id, c.day,
       1 + p.id % 40 * c.i + (p.id * 7919 + c.i * 104729) % 97,
       CASE c.i WHEN 0 THEN 1 + (p.id * 7919) % 97
       ELSE p.id % 40 + (p.id * 7919 + c.i * 104729) % 97 - (p.id * 7919 + (c.i - 1) * 104729) % 97 END
FROM publications p CROSS JOIN temp.calendar c
ORDER BY p.id, c.day;

CREATE INDEX daily_views_by_day ON daily_views (day);

INSERT INTO latest_views (publication_id, views, likes, comments, taken_at)
SELECT publication_id, views, views / 20, views / 200, CAST(strftime('%s', @today) AS INTEGER) FROM daily_views WHERE day = @today;

INSERT INTO sync_runs (started_at, finished_at, asked, answered, calls)
SELECT c.day || ' 07:00:00+00:00', c.day || ' 07:01:00+00:00', @testimonies, @testimonies, (@testimonies + 49) / 50 FROM temp.calendar c ORDER BY c.day
