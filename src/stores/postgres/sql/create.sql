-- New logs, each unless its id is taken. The ids come sorted, so that two groups never wait for each other in a circle.
INSERT INTO taskcast_tasks (
    id, imported, status, type, tags, assign_mode, created_at, updated_at, completed_at, due_at, result, error, head,
    incarnation, version, revision
)
SELECT id, imported, status, type, tags::text[], assign_mode, created_at, updated_at, completed_at, due_at, result,
       error, head, incarnation, version, revision
FROM unnest(
    $1::text[], $2::bool[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int8[], $8::int8[], $9::int8[],
    $10::int8[], $11::json[], $12::json[], $13::json[], $14::int8[], $15::int8[], $16::int8[]
) AS new (
    id, imported, status, type, tags, assign_mode, created_at, updated_at, completed_at, due_at, result, error, head,
    incarnation, version, revision
)
ON CONFLICT (id) DO NOTHING
RETURNING id
