-- Which steps of the schema this database has.
CREATE TABLE IF NOT EXISTS taskcast_migrations (
    version bigint PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
