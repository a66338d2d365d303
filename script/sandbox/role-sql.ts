import { readFileSync } from "node:fs";

const file = new URL("../../deploy/postgres/read-only-role.sql", import.meta.url);

/**
 * The statements of read-only-role.sql for a driver: without the lines that only psql understands.
 * They take the parameters' defaults.
 */
export function readRoleSql(): string {
  return readFileSync(file, "utf8").replace(/^-- psql only\.[^]*^-- psql only: end\.$/m, "");
}
