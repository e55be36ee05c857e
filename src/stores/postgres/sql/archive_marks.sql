-- What became of events that are there already: 1 is hidden, 2 dropped, 3 erased.
UPDATE taskcast_events e
SET hidden = e.hidden OR mark.mark = 1,
    bytes = CASE WHEN mark.mark = 1 THEN e.bytes ELSE 0 END,
    data = CASE WHEN mark.mark = 1 THEN e.data END,
    field = CASE WHEN mark.mark = 1 THEN e.field END,
    client = CASE WHEN mark.mark = 1 THEN e.client END,
    seq = CASE WHEN mark.mark = 1 THEN e.seq END,
    series = CASE WHEN mark.mark < 3 THEN e.series END,
    mode = CASE WHEN mark.mark < 3 THEN e.mode END
FROM unnest($1::int4[], $2::text[], $3::int8[], $4::int2[]) AS mark (number, task_id, idx, mark)
CROSS JOIN LATERAL (
    SELECT x.ctid AS place FROM taskcast_events x WHERE x.task_id = mark.task_id AND x.idx = mark.idx OFFSET 0
) AS found
WHERE e.ctid = found.place
