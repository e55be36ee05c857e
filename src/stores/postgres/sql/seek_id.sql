-- Where the event with an id is: where the id says, or anywhere if the log was imported.
SELECT CASE
    WHEN EXISTS (SELECT FROM taskcast_events e WHERE e.task_id = t.id AND e.idx = $2 AND e.id = $3) THEN $2::int8
    WHEN t.imported THEN (
        SELECT e.idx FROM taskcast_events e WHERE e.task_id = t.id AND e.id = $3 ORDER BY e.idx LIMIT 1
    )
END
FROM taskcast_tasks t
WHERE t.id = $1
