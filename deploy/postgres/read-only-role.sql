-- The gateway's role: it may SELECT from the job tables and nothing else. Run as the owner of the tables or a superuser, in the
-- product's database; run it again after a migration that adds a job system or a queue. Then set a password:
--   \password wallet_core_ops
-- What a careless grant or a bug in the gateway could do is bounded here, on the role: a few connections, read-only transactions, short
-- statements, no waiting for locks (a waiting reader would hold up the migration behind it).
DO $$
DECLARE
  job_schema text;
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
    'public.pos_settlement'
  ] LOOP
    IF to_regclass(job_table) IS NOT NULL THEN
      EXECUTE format('GRANT SELECT ON TABLE %s TO wallet_core_ops', to_regclass(job_table));
    END IF;
  END LOOP;

  -- The tables of job systems that the gateway knows, in whatever schema they are. Of graphile-worker the view, for its tables hide their rows.
  FOR job_schema, job_table IN
    SELECT quote_ident(namespace.nspname), class.oid::regclass::text
    FROM pg_class AS class JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
    WHERE class.relkind IN ('r', 'p', 'v')
      AND (class.relname IN ('river_job', 'river_queue', 'oban_jobs', 'good_jobs', 'good_job_executions', 'good_job_processes', 'good_job_settings',
                             'solid_queue_jobs', 'solid_queue_ready_executions', 'solid_queue_scheduled_executions', 'solid_queue_claimed_executions',
                             'solid_queue_failed_executions', 'solid_queue_pauses', 'solid_queue_processes', 'que_jobs', 'que_lockers')
        OR (class.relname IN ('job', 'queue', 'archive')
            AND (SELECT count(*) FROM pg_class AS other WHERE other.relnamespace = namespace.oid
                 AND other.relname IN ('job', 'queue', 'schedule', 'subscription', 'version')) = 5)
        OR (class.relname IN ('jobs', '_private_tasks') AND EXISTS (
              SELECT FROM pg_class AS other WHERE other.relnamespace = namespace.oid AND other.relname = '_private_job_queues'))
        OR namespace.nspname = 'pgmq')
  LOOP
    EXECUTE format('GRANT USAGE ON SCHEMA %s TO wallet_core_ops', job_schema);
    EXECUTE format('GRANT SELECT ON %s TO wallet_core_ops', job_table);
    -- The list of graphile-worker's tasks: it hides its rows from all but its owner, and then a task without jobs is not known.
    IF EXISTS (SELECT FROM pg_class WHERE oid = job_table::regclass AND relname = '_private_tasks')
       AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = job_table::regclass AND polname = 'wallet_core_ops_read') THEN
      EXECUTE format('CREATE POLICY wallet_core_ops_read ON %s FOR SELECT TO wallet_core_ops USING (true)', job_table);
    END IF;
  END LOOP;
END
$$;
