-- The gateway's role: it may SELECT from the job tables and nothing else. Run as the owner of the tables or a superuser, in the
-- product's database; run it again after a migration that adds a queue. Then set a password:
--   \password wallet_core_ops
-- What a careless grant or a bug in the gateway could do is bounded here, on the role: a few connections, read-only transactions, short
-- statements, no waiting for locks (a waiting reader would hold up the migration behind it).
DO $$
DECLARE
  job_table text;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'wallet_core_ops') THEN
    CREATE ROLE wallet_core_ops;
  END IF;
  ALTER ROLE wallet_core_ops
    LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT CONNECTION LIMIT 8;
  ALTER ROLE wallet_core_ops SET default_transaction_read_only = on;
  ALTER ROLE wallet_core_ops SET statement_timeout = '5s';
  ALTER ROLE wallet_core_ops SET lock_timeout = '1s';
  ALTER ROLE wallet_core_ops SET idle_in_transaction_session_timeout = '10s';
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO wallet_core_ops', current_database());
  GRANT USAGE ON SCHEMA public TO wallet_core_ops;

  -- Your job tables: the "table" entries of QUEUES_FILE. Those that do not exist are skipped.
  FOREACH job_table IN ARRAY ARRAY[
    'public.runner_jobs',
    'public.payouts',
    'public.virtual_account_issue',
    'public.webhook_notifications',
    'public.pos_settlement',
    'public.river_job',
    'public.river_queue'
  ] LOOP
    IF to_regclass(job_table) IS NOT NULL THEN
      EXECUTE format('GRANT SELECT ON TABLE %s TO wallet_core_ops', to_regclass(job_table));
    END IF;
  END LOOP;
END
$$;
