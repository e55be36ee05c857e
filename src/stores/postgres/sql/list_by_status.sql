-- Tasks of some statuses in creation order: each status along the index of its own, and what was found merged. The
-- status stands in the comparison so that no other index fits it.
SELECT found.head
FROM unnest($8::text[]) AS wanted (status)
CROSS JOIN LATERAL (
    SELECT t.created_at, t.id, t.head
    FROM taskcast_tasks t
    WHERE t.status = wanted.status
      AND (t.status, t.created_at, t.id) {behind} (wanted.status, $1, $2)
      AND ($3::text IS NULL OR t.type = $3)
      AND ($4::text IS NULL OR starts_with(t.type, $4))
      AND ($5::text[] IS NULL OR t.tags @> $5)
      AND ($6::text IS NULL OR t.assign_mode = $6)
    ORDER BY t.created_at {direction}, t.id {direction}
    LIMIT $7
) AS found
ORDER BY found.created_at {direction}, found.id {direction}
LIMIT $7
