-- The views of each line of a dimension at the end of some days, a row a line:
-- "2026-10-31 1204 0,2026-11-30 1310 0", with how many of them were there before
-- the portal was. Hundreds of small rows would cost more to
-- hand over than to find.
SELECT key, string_agg(day || ' ' || views || ' ' || brought, ',') FROM daily_totals WHERE dimension = @dimension AND day IN @days GROUP BY key
