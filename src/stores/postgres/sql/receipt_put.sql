-- Puts a receipt where there is none, or one whose time is over; gives a row if it did.
INSERT INTO taskcast_receipts AS held (key, receipt, expires_at) VALUES ($1, $2, $3)
ON CONFLICT (key) DO UPDATE SET receipt = excluded.receipt, expires_at = excluded.expires_at
WHERE held.expires_at <= $4
RETURNING 1
