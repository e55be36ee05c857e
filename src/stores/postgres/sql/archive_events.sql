-- Events of which none is there yet: their tasks are locked.
INSERT INTO taskcast_events (
    task_id, idx, id, ts, type, level, series, mode, field, client, seq, snapshot, hidden, bytes, data
)
SELECT task_id, idx, id, ts, type, level, series, mode, field, client, seq, snapshot, hidden, bytes, data
FROM unnest(
    $1::int4[], $2::text[], $3::int8[], $4::text[], $5::int8[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::int8[], $13::bool[], $14::bool[], $15::int4[], $16::json[]
) AS event (
    number, task_id, idx, id, ts, type, level, series, mode, field, client, seq, snapshot, hidden, bytes, data
)
