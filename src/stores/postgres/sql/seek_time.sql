-- The first event that is later than a time: by halving, or one after the other if the log was imported, whose times
-- follow no rule.
WITH RECURSIVE log AS (
    SELECT id, version, imported FROM taskcast_tasks WHERE id = $1
), search (low, high) AS (
    SELECT 0::int8, version FROM log WHERE NOT imported
    UNION ALL
    SELECT CASE WHEN e.ts <= $2 THEN s.low + (s.high - s.low) / 2 + 1 ELSE s.low END,
           CASE WHEN e.ts <= $2 THEN s.high ELSE s.low + (s.high - s.low) / 2 END
    FROM search s
    JOIN taskcast_events e ON e.task_id = $1 AND e.idx = s.low + (s.high - s.low) / 2
    WHERE s.low < s.high
)
SELECT CASE
    WHEN log.imported THEN coalesce((
        SELECT e.idx FROM taskcast_events e WHERE e.task_id = log.id AND e.ts > $2 ORDER BY e.idx LIMIT 1
    ), log.version)
    ELSE (SELECT low FROM search WHERE low >= high)
END
FROM log
