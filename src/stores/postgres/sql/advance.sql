-- Many commits at once: each moves its log on and writes what belongs to it if the log is where it expects it, and
-- writes nothing otherwise. What is locked is somebody else's at the moment and is not waited for.
--
-- Gives the numbers of the jobs whose log was found and free, and whether each was done. Rows are found again by
-- `ctid`, and jobs by a subquery that is hashed (`IS TRUE` keeps it one), so that no plan reads a whole table.
WITH locked AS MATERIALIZED (
    SELECT job.*, task.place,
           job.incarnation = task.incarnation AND job.version = task.version AND job.revision = task.revision AS fits
    FROM unnest(
        $1::text[], $2::bool[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int8[], $8::int8[], $9::int8[],
        $10::int8[], $11::json[], $12::json[], $13::json[], $14::int8[], $15::int8[], $16::int8[], $17::int8[],
        $18::int8[], $19::int4[]
    ) AS job (
        id, imported, status, type, tags, assign_mode, created_at, updated_at, completed_at, due_at, result, error,
        head, incarnation, version, revision, next_version, next_revision, number
    )
    CROSS JOIN LATERAL (
        SELECT t.ctid AS place, t.incarnation, t.version, t.revision
        FROM taskcast_tasks t
        WHERE t.id = job.id
        FOR UPDATE SKIP LOCKED
    ) AS task
), moved AS (
    UPDATE taskcast_tasks t
    SET version = job.next_version,
        revision = job.next_revision,
        imported = CASE WHEN job.head IS NULL THEN t.imported ELSE job.imported END,
        status = CASE WHEN job.head IS NULL THEN t.status ELSE job.status END,
        type = CASE WHEN job.head IS NULL THEN t.type ELSE job.type END,
        tags = CASE WHEN job.head IS NULL THEN t.tags ELSE job.tags::text[] END,
        assign_mode = CASE WHEN job.head IS NULL THEN t.assign_mode ELSE job.assign_mode END,
        created_at = CASE WHEN job.head IS NULL THEN t.created_at ELSE job.created_at END,
        updated_at = CASE WHEN job.head IS NULL THEN t.updated_at ELSE job.updated_at END,
        completed_at = CASE WHEN job.head IS NULL THEN t.completed_at ELSE job.completed_at END,
        due_at = CASE WHEN job.head IS NULL THEN t.due_at ELSE job.due_at END,
        result = CASE WHEN job.head IS NULL THEN t.result ELSE job.result END,
        error = CASE WHEN job.head IS NULL THEN t.error ELSE job.error END,
        head = CASE WHEN job.head IS NULL THEN t.head ELSE job.head END
    FROM locked job
    WHERE t.ctid = job.place AND job.fits
    RETURNING job.number, t.id
), appended AS (
    INSERT INTO taskcast_events (
        task_id, idx, id, ts, type, level, series, mode, field, client, seq, snapshot, hidden, bytes, data
    )
    SELECT task_id, idx, id, ts, type, level, series, mode, field, client, seq, snapshot, hidden, bytes, data
    FROM unnest(
        $20::int4[], $21::text[], $22::int8[], $23::text[], $24::int8[], $25::text[], $26::text[], $27::text[],
        $28::text[], $29::text[], $30::text[], $31::int8[], $32::bool[], $33::bool[], $34::int4[], $35::json[]
    ) AS event (
        number, task_id, idx, id, ts, type, level, series, mode, field, client, seq, snapshot, hidden, bytes, data
    )
    WHERE (event.number IN (SELECT number FROM moved)) IS TRUE
), marked AS (
    UPDATE taskcast_events e
    SET hidden = e.hidden OR mark.mark = 1,
        bytes = CASE WHEN mark.mark = 1 THEN e.bytes ELSE 0 END,
        data = CASE WHEN mark.mark = 1 THEN e.data END,
        field = CASE WHEN mark.mark = 1 THEN e.field END,
        client = CASE WHEN mark.mark = 1 THEN e.client END,
        seq = CASE WHEN mark.mark = 1 THEN e.seq END,
        series = CASE WHEN mark.mark < 3 THEN e.series END,
        mode = CASE WHEN mark.mark < 3 THEN e.mode END
    FROM unnest($36::int4[], $37::text[], $38::int8[], $39::int2[]) AS mark (number, task_id, idx, mark)
    CROSS JOIN LATERAL (
        SELECT x.ctid AS place FROM taskcast_events x WHERE x.task_id = mark.task_id AND x.idx = mark.idx OFFSET 0
    ) AS found
    WHERE e.ctid = found.place AND (mark.number IN (SELECT number FROM moved)) IS TRUE
), checked AS (
    INSERT INTO taskcast_checkpoints (task_id, version, bytes)
    SELECT task_id, version, bytes
    FROM unnest($40::int4[], $41::text[], $42::int8[], $43::bytea[]) AS checkpoint (number, task_id, version, bytes)
    WHERE (checkpoint.number IN (SELECT number FROM moved)) IS TRUE
    ON CONFLICT (task_id) DO UPDATE SET version = excluded.version, bytes = excluded.bytes
), unchecked AS (
    DELETE FROM taskcast_checkpoints c
    WHERE c.task_id = ANY($44::text[]) AND (c.task_id IN (SELECT id FROM moved)) IS TRUE
)
SELECT job.number, (job.number IN (SELECT number FROM moved)) IS TRUE FROM locked job
