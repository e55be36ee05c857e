-- The tasks and where their logs are. Unsigned 64-bit numbers are kept as the signed numbers with the same bits. What
-- users wrote is `json`, never `jsonb`: it comes back byte for byte.
--
-- Each commit rewrites its row, so there is room on the page for the next version, and large heads lie elsewhere.
CREATE TABLE taskcast_tasks (
    id text COLLATE "C" PRIMARY KEY,
    incarnation bigint NOT NULL,
    version bigint NOT NULL,
    revision bigint NOT NULL,
    imported boolean NOT NULL,
    status text NOT NULL,
    type text,
    tags text[],
    assign_mode text,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    completed_at bigint,
    due_at bigint,
    result json,
    error json,
    head json NOT NULL -- all that is known of the task; the columns above say some of it again
) WITH (fillfactor = 70, toast_tuple_target = 1024);

CREATE INDEX taskcast_tasks_by_creation ON taskcast_tasks (created_at, id);
CREATE INDEX taskcast_tasks_by_status ON taskcast_tasks (status, created_at, id);
CREATE INDEX taskcast_tasks_by_due ON taskcast_tasks (due_at, id) WHERE due_at IS NOT NULL;

-- All events of all logs.
CREATE TABLE taskcast_events (
    task_id text COLLATE "C" NOT NULL,
    idx bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    ts bigint NOT NULL,
    type text NOT NULL,
    level text NOT NULL,
    series text,
    mode text,
    field text,
    client text,
    seq bigint,
    snapshot boolean NOT NULL,
    hidden boolean NOT NULL, -- whether no view shows the event
    bytes integer NOT NULL, -- the length of the payload, so that a page ends in time without reading it
    data json, -- NULL when the payload is gone
    PRIMARY KEY (task_id, idx)
) WITH (fillfactor = 90);

-- What recovery of a log starts from.
CREATE TABLE taskcast_checkpoints (
    task_id text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL,
    bytes bytea NOT NULL
);
