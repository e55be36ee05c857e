-- By which repeated requests are recognised. The key is a hash; what the receipt says is the engine's own.
CREATE TABLE receipts (
    key BLOB PRIMARY KEY,
    receipt BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX receipts_by_end ON receipts (expires_at);
