-- Tasks in creation order, along the index.
SELECT t.head
FROM taskcast_tasks t
WHERE (t.created_at, t.id) {behind} ($1, $2)
  AND ($3::text IS NULL OR t.type = $3)
  AND ($4::text IS NULL OR starts_with(t.type, $4))
  AND ($5::text[] IS NULL OR t.tags @> $5)
  AND ($6::text IS NULL OR t.assign_mode = $6)
ORDER BY t.created_at {direction}, t.id {direction}
LIMIT $7
