#!/bin/bash
# Runs once, when state-1 creates its database: the roles of the gateways, of the standby, and of the check in state.cfg.
set -euo pipefail
psql -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d "$POSTGRES_DB" \
  -v state="$(cat /run/secrets/state_password)" -v replication="$(cat /run/secrets/replication_password)" <<'SQL'
create role wallet_core_ops_state login password :'state';
create schema wallet_core_ops authorization wallet_core_ops_state;
create role replicator login replication password :'replication';
-- May only connect: it asks without a password whether this is a standby.
create role health login connection limit 4;
alter system set synchronous_standby_names = '*';
SQL
{
  echo "host postgres health all trust"
  cat "$PGDATA/pg_hba.conf"
  echo "host replication replicator all scram-sha-256"
} >"$PGDATA/pg_hba.new"
mv "$PGDATA/pg_hba.new" "$PGDATA/pg_hba.conf"
