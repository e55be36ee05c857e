-- Removes a task with everything that belongs to it, if its log is one of these incarnations. The row has to be locked
-- by an earlier statement, so that this one sees all its events.
WITH gone AS (
    DELETE FROM taskcast_tasks WHERE id = $1 AND incarnation = ANY($2::int8[]) RETURNING id
), unchecked AS (
    DELETE FROM taskcast_checkpoints WHERE task_id = $1 AND EXISTS (SELECT FROM gone)
)
DELETE FROM taskcast_events WHERE task_id = $1 AND EXISTS (SELECT FROM gone)
