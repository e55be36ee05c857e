-- By which repeated requests are recognised. The key is a hash; what the receipt says is the engine's own.
CREATE TABLE taskcast_receipts (
    key bytea PRIMARY KEY,
    receipt bytea NOT NULL,
    expires_at bigint NOT NULL
);

CREATE INDEX taskcast_receipts_by_end ON taskcast_receipts (expires_at);
