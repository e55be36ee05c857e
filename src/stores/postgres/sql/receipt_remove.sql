-- Removes some receipts whose time is over. It waits for nobody, so that it cannot be part of a deadlock.
DELETE FROM taskcast_receipts WHERE key IN (
    SELECT key FROM taskcast_receipts WHERE expires_at <= $1
    ORDER BY expires_at LIMIT 128 FOR UPDATE SKIP LOCKED
)
