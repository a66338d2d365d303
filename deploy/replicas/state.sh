#!/bin/bash
# Starts state-1 and state-2 of compose.yml: the one that PRIMARY names takes writes, the other one follows it. Neither overwrites what is in its volume.
set -euo pipefail

if [ "$NAME" = "$PRIMARY" ]; then
  # roles.sh has it answer a commit only when the standby has it too.
  exec docker-entrypoint.sh postgres -c cluster_name="$NAME" -c wal_keep_size=256MB
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  from="host=$PRIMARY user=replicator password=$(cat /run/secrets/replication_password)"
  until pg_basebackup --dbname "$from" --pgdata "$PGDATA" --write-recovery-conf --checkpoint fast; do sleep 1; done
elif [ ! -e "$PGDATA/standby.signal" ]; then
  echo "$NAME has taken writes, but STATE_PRIMARY is $PRIMARY. If $NAME is right, set STATE_PRIMARY=$NAME; else remove the volume of $NAME: it becomes a copy of $PRIMARY." >&2
  exit 1
fi
# Once it is promoted, it answers without a standby until there is one again.
exec docker-entrypoint.sh postgres -c cluster_name="$NAME" -c wal_keep_size=256MB -c synchronous_standby_names=
