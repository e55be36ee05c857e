-- Checkpoints in the place of the old ones, and none where there is none any more.
WITH unchecked AS (
    DELETE FROM taskcast_checkpoints WHERE task_id = ANY($5::text[])
)
INSERT INTO taskcast_checkpoints (task_id, version, bytes)
SELECT task_id, version, bytes
FROM unnest($1::int4[], $2::text[], $3::int8[], $4::bytea[]) AS checkpoint (number, task_id, version, bytes)
ON CONFLICT (task_id) DO UPDATE SET version = excluded.version, bytes = excluded.bytes
