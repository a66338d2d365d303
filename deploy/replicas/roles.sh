#!/bin/bash
# Runs once, when state-1 creates its database: the roles of the gateways, of the standby, and of the check in state.cfg.
set -euo pipefail
psql -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d "$POSTGRES_DB" \
  -v state="$(cat /run/secrets/state_password)" -v replication="$(cat /run/secrets/replication_password)" \
  -v health="$(cat /run/secrets/health_password)" <<'SQL'
create role wallet_core_ops_state login password :'state';
create schema wallet_core_ops authorization wallet_core_ops_state;
create role replicator login replication password :'replication';
create role health login password :'health' connection limit 4;
-- By name: a copy that is being made is no standby.
alter system set synchronous_standby_names = '"state-1", "state-2"';
SQL
{
  # In clear text, as HAProxy can send it: within the network of the two servers.
  echo "host postgres health all password"
  cat "$PGDATA/pg_hba.conf"
  echo "host replication replicator all scram-sha-256"
} >"$PGDATA/pg_hba.new"
mv "$PGDATA/pg_hba.new" "$PGDATA/pg_hba.conf"
