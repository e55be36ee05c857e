-- Where every log is. Narrow on purpose: each commit rewrites its row. Unsigned 64-bit numbers are kept as the
-- signed numbers with the same bits.
CREATE TABLE tasks (
    log INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    incarnation INTEGER NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    imported INTEGER NOT NULL,
    status TEXT NOT NULL,
    type TEXT,
    tags TEXT, -- a JSON array of strings
    assign_mode TEXT,
    created_at INTEGER NOT NULL,
    due_at INTEGER
) STRICT;

CREATE INDEX tasks_by_creation ON tasks (created_at, id);
CREATE INDEX tasks_by_status ON tasks (status, created_at, id);
CREATE INDEX tasks_by_due ON tasks (due_at, id) WHERE due_at IS NOT NULL;

-- The heads, apart from `tasks` since they may be large and most commits leave them alone.
CREATE TABLE heads (
    log INTEGER PRIMARY KEY,
    head BLOB NOT NULL
) STRICT;

-- All events of all logs. The key is the log's number in the upper 32 bits and the event's index in the lower 32, so
-- that a log lies together in index order and no second index has to be kept.
CREATE TABLE events (
    place INTEGER PRIMARY KEY,
    id ANY NOT NULL, -- a ULID as 16 bytes, an imported id as text
    ts INTEGER NOT NULL,
    type TEXT NOT NULL,
    level TEXT NOT NULL,
    series TEXT,
    mode TEXT,
    field TEXT,
    client TEXT,
    seq INTEGER,
    snapshot INTEGER NOT NULL,
    hidden INTEGER NOT NULL, -- 1 when no view shows the event
    data TEXT -- NULL when the payload is gone
) STRICT;

-- What recovery of a log starts from.
CREATE TABLE checkpoints (
    log INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

-- Logs whose task is deleted while some of their events are still to be removed.
CREATE TABLE orphans (
    log INTEGER PRIMARY KEY
) STRICT;

-- Always empty between transactions: written to find out whether writing works again.
CREATE TABLE probe (
    filler BLOB NOT NULL
) STRICT;
