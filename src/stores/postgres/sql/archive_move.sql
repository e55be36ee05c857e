-- Moves tasks whose rows are locked to where they are now.
UPDATE taskcast_tasks t
SET imported = new.imported, status = new.status, type = new.type, tags = new.tags::text[],
    assign_mode = new.assign_mode, created_at = new.created_at, updated_at = new.updated_at,
    completed_at = new.completed_at, due_at = new.due_at, result = new.result, error = new.error, head = new.head,
    incarnation = new.incarnation, version = new.version, revision = new.revision
FROM unnest(
    $1::text[], $2::bool[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int8[], $8::int8[], $9::int8[],
    $10::int8[], $11::json[], $12::json[], $13::json[], $14::int8[], $15::int8[], $16::int8[]
) AS new (
    id, imported, status, type, tags, assign_mode, created_at, updated_at, completed_at, due_at, result, error, head,
    incarnation, version, revision
)
CROSS JOIN LATERAL (SELECT x.ctid AS place FROM taskcast_tasks x WHERE x.id = new.id OFFSET 0) AS found
WHERE t.ctid = found.place
