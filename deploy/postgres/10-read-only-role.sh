#!/bin/bash
# Runs once, when the compose file's PostgreSQL creates its database: the role with the password of the secret.
set -euo pipefail
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -f /opt/read-only-role.sql
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v password="$(cat /run/secrets/database_password)" <<'SQL'
ALTER ROLE wallet_core_ops PASSWORD :'password';
SQL
