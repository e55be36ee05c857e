//! What can go wrong, as the table of PROTOCOL §3 has it: every fault by its name.

/// One way to go wrong.
#[derive(Clone, Copy)]
pub(super) struct Fault {
    /// HTTP status.
    pub(super) status: u16,
    /// Stable name.
    pub(super) code: &'static str,
    /// Text of the answer, as an example.
    pub(super) error: &'static str,
    /// Which situation it is, in words.
    pub(super) when: &'static str,
}

const fn fault(status: u16, code: &'static str, error: &'static str, when: &'static str) -> Fault {
    Fault { status, code, error, when }
}

/// No JSON at all.
pub(super) const MALFORMED: Fault = fault(
    400,
    "invalid_body",
    "Malformed JSON in request body",
    "the body is not JSON, empty, not UTF-8 or nested deeper than 128",
);
const BODY_RULE: Fault = fault(
    400,
    "invalid_body",
    "type must be a string",
    "a field breaks a rule; the text names the first one",
);
/// A long body.
pub(super) const TOO_LARGE: Fault =
    fault(413, "too_large", "Request body too large", "the body is over its limit (8 MiB, import 256 MiB)");
const MISSING_TOKEN: Fault =
    fault(401, "missing_token", "Missing Bearer token", "there is no credential (mode `jwt`)");
const INVALID_TOKEN: Fault =
    fault(401, "invalid_token", "Invalid or expired token", "the token cannot be verified or has expired");
const INVALID_SERVICE_KEY: Fault =
    fault(401, "invalid_service_key", "Invalid service key", "`X-Taskcast-Service-Key` is not a known key");
const FORBIDDEN: Fault =
    fault(403, "forbidden", "Forbidden", "the scope, `taskIds` or the task's `authConfig` denies it");
/// Too many requests.
pub(super) const RATE_LIMITED: Fault = fault(
    429,
    "rate_limited",
    "Too many requests",
    "the caller or the address makes too many requests (if limited)",
);
const INTERNAL: Fault =
    fault(500, "internal_error", "Internal Server Error", "something unexpected happened");
const DEPENDENCY: Fault = fault(
    503,
    "dependency_unavailable",
    "postgres unavailable (timeout)",
    "a dependency does not answer; of a write it is then unknown whether it happened",
);
const OVERLOADED: Fault =
    fault(503, "overloaded", "Server is overloaded", "too many writes are waiting; nothing was changed");

/// A bad query parameter; `error` is what the text can look like.
pub(super) const fn bad_query(error: &'static str) -> Fault {
    fault(400, "invalid_query", error, "a query parameter breaks a rule; the text names it")
}

/// A cursor that is no number.
pub(super) const CURSOR: Fault = bad_query("since.index must be an integer");
/// A poll that does not say for whom.
pub(super) const NO_WORKER_ID: Fault = fault(
    400,
    "invalid_query",
    "workerId query param required",
    "neither the query nor the token names a worker",
);
/// A bad `ttl`.
pub(super) const TTL: Fault =
    fault(400, "invalid_body", "Invalid TTL: 0. TTL must be a positive number.", "`ttl` is not positive");
/// A bad `capacity`.
pub(super) const CAPACITY: Fault = fault(
    400,
    "invalid_body",
    "Invalid capacity: 0. Capacity must be a positive number.",
    "`capacity` is not positive",
);
/// A bad release request.
pub(super) const RELEASE_BODY: Fault =
    fault(400, "invalid_body", "Invalid storage release request", "a field is missing or out of range");
/// A body that is no object.
pub(super) const ADMIN_BODY: Fault =
    fault(400, "invalid_body", "Invalid request body", "the body is not a JSON object");
/// A bad `Idempotency-Key`.
pub(super) const BAD_KEY: Fault = fault(
    400,
    "invalid_idempotency_key",
    "Invalid Idempotency-Key",
    "the key is not 1 to 255 visible ASCII characters",
);
/// An `Idempotency-Key` with another body.
pub(super) const KEY_MISMATCH: Fault = fault(
    422,
    "idempotency_mismatch",
    "Idempotency-Key was used with a different request body",
    "the key was used before, with another body",
);
/// A type that belongs to the server.
pub(super) const RESERVED: Fault = fault(
    400,
    "reserved_event_type",
    "Event type is reserved: taskcast:status",
    "the type begins with `taskcast:`",
);
/// A finished task.
pub(super) const TERMINAL: Fault =
    fault(400, "task_terminal", "Cannot publish to task in terminal status: completed", "the task has ended");
/// A task that asks for nothing.
pub(super) const NOT_BLOCKED: Fault =
    fault(400, "task_not_blocked", "Task is not blocked", "the task's status is not `blocked`");
/// A poll by a stranger.
pub(super) const UNREGISTERED: Fault =
    fault(400, "worker_not_found", "Worker not found: worker-7", "the polling worker is not registered");
/// Not the admin token.
pub(super) const ADMIN_TOKEN: Fault =
    fault(401, "invalid_admin_token", "Invalid admin token", "`adminToken` is missing or wrong");
/// A token for another worker.
pub(super) const WORKER_MISMATCH: Fault = fault(
    403,
    "worker_id_mismatch",
    "Forbidden: worker ID mismatch",
    "the token's `workerId` is not the request's",
);
/// A feature that is switched off.
pub(super) const DISABLED: Fault = fault(404, "not_found", "Not found", "the feature is switched off");
/// No such task.
pub(super) const NO_TASK: Fault = fault(404, "task_not_found", "Task not found", "there is no such task");
/// No such task, by name.
pub(super) const NO_TASK_NAMED: Fault =
    fault(404, "task_not_found", "Task not found: report-7", "there is no such task");
/// Nothing is asked.
pub(super) const NO_REQUEST: Fault =
    fault(404, "no_blocked_request", "No blocked request", "the task is not blocked, or asks for nothing");
/// No such worker.
pub(super) const NO_WORKER: Fault =
    fault(404, "worker_not_found", "Worker not found", "there is no such worker");
/// A client that has not numbered an event.
pub(super) const NO_CLIENT: Fault = fault(
    404,
    "seq_client_not_found",
    "Unknown client: browser-1",
    "the client has numbered no event of this task",
);
/// The id is taken.
pub(super) const EXISTS: Fault =
    fault(409, "task_exists", "Task already exists: report-7", "there is a task with this id");
/// An illegal move.
pub(super) const TRANSITION: Fault = fault(
    409,
    "invalid_transition",
    "Invalid transition: pending → completed",
    "the state machine has no such step, or somebody else was faster",
);
/// Not in the state the request expects.
pub(super) const PRECONDITION: Fault = fault(
    409,
    "storage_precondition_failed",
    "Task has changed since it was looked at",
    "the last event index differs, or something changed after `inactiveSince`",
);
/// Two at once.
pub(super) const BUSY: Fault = fault(
    409,
    "storage_busy",
    "Another operation is in progress",
    "another lifecycle operation is at work on the task",
);
/// Not WebSocket.
pub(super) const UPGRADE: Fault =
    fault(426, "upgrade_required", "Upgrade Required", "the request is no upgrade");
/// A bad copy.
pub(super) const INTEGRITY: Fault =
    fault(500, "storage_integrity_error", "Verification failed", "verification failed; the task stays hot");
/// No streams any more.
pub(super) const STOPPING: Fault =
    fault(503, "shutting_down", "Server is shutting down", "the server is about to stop");
/// No cold tier.
pub(super) const NO_COLD_TIER: Fault = fault(
    503,
    "storage_release_unsupported",
    "Task storage release is not supported by this adapter",
    "there is no cold tier",
);
/// A tier is away.
pub(super) const TIER_AWAY: Fault =
    fault(503, "storage_unavailable", "Storage is not ready", "a storage tier failed or is not ready");

/// Whatever needs a credential.
pub(super) const GUARDED: [Fault; 7] =
    [MISSING_TOKEN, INVALID_TOKEN, INVALID_SERVICE_KEY, FORBIDDEN, RATE_LIMITED, INTERNAL, DEPENDENCY];
/// Whatever looks at a credential.
pub(super) const CREDENTIALS: [Fault; 5] =
    [MISSING_TOKEN, INVALID_TOKEN, INVALID_SERVICE_KEY, FORBIDDEN, RATE_LIMITED];
/// Whatever has a body.
pub(super) const BODY: [Fault; 3] = [MALFORMED, BODY_RULE, TOO_LARGE];
/// Whatever writes.
pub(super) const WRITE: [Fault; 1] = [OVERLOADED];
/// Whatever takes an `Idempotency-Key`.
pub(super) const REPEATABLE: [Fault; 2] = [BAD_KEY, KEY_MISMATCH];
/// Whatever publishes beyond a limit.
pub(super) const EVENT_SIZES: [Fault; 2] = [
    fault(413, "too_large", "Event data too large", "the `data` of one event is over 1 MiB"),
    fault(413, "too_large", "Too many events in batch", "there are more than 1000 events"),
];
/// Whatever numbers its events.
pub(super) const SEQUENCE: [Fault; 4] = [
    fault(
        408,
        "seq_timeout",
        "Timed out waiting for clientSeq 7, received 9",
        "the gap was not filled in time",
    ),
    fault(409, "seq_stale", "Stale clientSeq: expected 7, received 5", "the number was used before"),
    fault(409, "seq_duplicate", "Duplicate clientSeq: 9 is already waiting", "the number is already waiting"),
    fault(409, "seq_gap", "Gap in clientSeq: expected 7, received 9", "a number is missing (`fast-fail`)"),
];

/// Every code of PROTOCOL §3, and `rate_limited`.
pub(super) fn codes() -> [&'static str; 37] {
    [
        "invalid_body",
        "invalid_query",
        "invalid_idempotency_key",
        "reserved_event_type",
        "task_terminal",
        "task_not_blocked",
        "worker_not_found",
        "missing_token",
        "invalid_token",
        "invalid_service_key",
        "invalid_admin_token",
        "forbidden",
        "worker_id_mismatch",
        "not_found",
        "task_not_found",
        "no_blocked_request",
        "seq_client_not_found",
        "method_not_allowed",
        "seq_timeout",
        "task_exists",
        "invalid_transition",
        "seq_stale",
        "seq_duplicate",
        "seq_gap",
        "storage_precondition_failed",
        "storage_busy",
        "too_large",
        "idempotency_mismatch",
        "upgrade_required",
        "rate_limited",
        "internal_error",
        "storage_integrity_error",
        "overloaded",
        "shutting_down",
        "dependency_unavailable",
        "storage_release_unsupported",
        "storage_unavailable",
    ]
}
