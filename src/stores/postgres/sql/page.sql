-- A piece of a log and where the log is, as one snapshot. A page ends behind the event with which its payloads reach
-- their bound; no payload behind that is read.
SELECT t.incarnation, t.version, e.idx, e.id, e.ts, e.type, e.level, e.series, e.mode, e.field, e.client, e.seq,
       e.snapshot, e.hidden, e.data
FROM taskcast_tasks t
LEFT JOIN LATERAL (
    SELECT idx, id, ts, type, level, series, mode, field, client, seq, snapshot, hidden,
           CASE WHEN wanted THEN data END AS data
    FROM (
        SELECT slot.*,
               sum(CASE WHEN wanted THEN bytes ELSE 0 END) OVER (ORDER BY idx ROWS UNBOUNDED PRECEDING)
               - CASE WHEN wanted THEN bytes ELSE 0 END AS before
        FROM (
            SELECT x.*, $6::bool OR mode IS DISTINCT FROM 'accumulate' OR series IS NULL OR series = '' AS wanted
            FROM taskcast_events x
            WHERE x.task_id = t.id AND x.idx >= $3 AND x.idx < least($4::int8, t.version)
              AND ($2::int8 IS NULL OR t.incarnation = $2)
            ORDER BY x.idx
            LIMIT $5
        ) AS slot
    ) AS counted
    WHERE before < $7 OR idx = $3
) AS e ON true
WHERE t.id = $1
ORDER BY e.idx
