-- The gateway's role: it may SELECT from the job tables and nothing else. Run with psql in the product's database, as the owner of the
-- tables, who the first time must also be allowed to create roles (CREATEROLE), or as a superuser; run it again after a migration that adds a job system or a queue. Your own job tables, the "table" entries of
-- QUEUES_FILE, are a parameter, as is the schema of those that name none:
--   psql -v schema=app -v tables='jobs,mail.deliveries' -f read-only-role.sql
-- Names are as in SQL: in double quotes where they have capitals or dots ('"Jobs",mail."out.box"'). Then set a password:
--   \password wallet_core_ops
-- What a careless grant or a bug in the gateway could do is bounded here, on the role: a few connections, read-only transactions, short
-- statements, no waiting for locks (a waiting reader would hold up the migration behind it).

-- psql only. With another program leave these lines out: SET wallet_core_ops.tables = 'jobs,mail.deliveries' does the same there.
\set ON_ERROR_STOP on
\if :{?schema}
\else
\set schema ''
\endif
\if :{?tables}
\else
\set tables ''
\endif
SELECT set_config('wallet_core_ops.schema', :'schema', false) AS schema, set_config('wallet_core_ops.tables', :'tables', false) AS tables \gset
-- psql only: end.

DO $$
DECLARE
  schema_parts text[] := parse_ident(coalesce(nullif(current_setting('wallet_core_ops.schema', true), ''), 'public'));
  own_schema text := schema_parts[1];
  own_tables text := nullif(current_setting('wallet_core_ops.tables', true), '');
  parts text[];
  job_schema text;
  job_table text;
  setting text[];
BEGIN
  IF cardinality(schema_parts) > 1 THEN
    RAISE EXCEPTION 'schema must be one name: write "a.b" in double quotes';
  END IF;
  IF own_tables !~ '^(?:[^"]|"(?:[^"]|"")*")*$' THEN
    RAISE EXCEPTION 'tables has a double quote that is not closed';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'wallet_core_ops') THEN
    CREATE ROLE wallet_core_ops LOGIN NOINHERIT CONNECTION LIMIT 8;
  END IF;
  -- Only what differs: some of it only a superuser may change.
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'wallet_core_ops'
             AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)) THEN
    ALTER ROLE wallet_core_ops NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'wallet_core_ops' AND rolcanlogin AND NOT rolinherit AND rolconnlimit = 8) THEN
    ALTER ROLE wallet_core_ops LOGIN NOINHERIT CONNECTION LIMIT 8;
  END IF;
  FOREACH setting SLICE 1 IN ARRAY ARRAY[
    ['default_transaction_read_only', 'on'], ['statement_timeout', '5s'], ['lock_timeout', '1s'], ['idle_in_transaction_session_timeout', '10s']]
  LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'wallet_core_ops' AND setting[1] || '=' || setting[2] = ANY (rolconfig)) THEN
      EXECUTE format('ALTER ROLE wallet_core_ops SET %I = %L', setting[1], setting[2]);
    END IF;
  END LOOP;
  IF NOT has_database_privilege('wallet_core_ops', current_database(), 'CONNECT') THEN
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO wallet_core_ops', current_database());
  END IF;
  IF to_regnamespace(quote_ident(own_schema)) IS NULL THEN
    RAISE NOTICE 'schema % does not exist: skipped', quote_ident(own_schema);
  ELSIF NOT has_schema_privilege('wallet_core_ops', to_regnamespace(quote_ident(own_schema)), 'USAGE') THEN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO wallet_core_ops', own_schema);
  END IF;

  -- Your job tables. Without the parameter: the queues of the contract, as far as they exist.
  FOR job_table IN
    SELECT trim(name[1], E' \t\r\n')
    FROM regexp_matches(coalesce(own_tables, 'runner_jobs,payouts,virtual_account_issue,webhook_notifications,pos_settlement'),
                        '(?:[^",]|"(?:[^"]|"")*")+', 'g') AS name
    WHERE trim(name[1], E' \t\r\n') <> ''
  LOOP
    parts := parse_ident(job_table);
    IF cardinality(parts) > 2 THEN
      RAISE EXCEPTION '% is not a table or schema.table', job_table;
    END IF;
    job_schema := CASE cardinality(parts) WHEN 2 THEN parts[1] ELSE own_schema END;
    job_table := format('%I.%I', job_schema, parts[cardinality(parts)]);
    IF to_regclass(job_table) IS NOT NULL THEN
      IF NOT has_schema_privilege('wallet_core_ops', to_regnamespace(quote_ident(job_schema)), 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO wallet_core_ops', job_schema);
      END IF;
      EXECUTE format('GRANT SELECT ON TABLE %s TO wallet_core_ops', job_table);
    ELSIF own_tables IS NOT NULL THEN
      RAISE NOTICE 'table % does not exist: skipped', job_table;
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
    BEGIN
      IF NOT has_schema_privilege('wallet_core_ops', to_regnamespace(job_schema), 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %s TO wallet_core_ops', job_schema);
      END IF;
      EXECUTE format('GRANT SELECT ON %s TO wallet_core_ops', job_table);
      -- The list of graphile-worker's tasks: it hides its rows from all but its owner, and then a task without jobs is not known.
      IF EXISTS (SELECT FROM pg_class WHERE oid = job_table::regclass AND relname = '_private_tasks')
         AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = job_table::regclass AND polname = 'wallet_core_ops_read') THEN
        EXECUTE format('CREATE POLICY wallet_core_ops_read ON %s FOR SELECT TO wallet_core_ops USING (true)', job_table);
      END IF;
    EXCEPTION WHEN insufficient_privilege THEN
      RAISE WARNING '% is of another owner: run this as that one too', job_table;
    END;
  END LOOP;
END
$$;
