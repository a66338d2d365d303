#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { readFileSync } from "node:fs";
import type { Command } from "./commands/command.ts";

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import("./commands/serve.ts")).serveCommand,
  check: async () => (await import("./commands/check.ts")).checkCommand,
  indexes: async () => (await import("./commands/indexes.ts")).indexesCommand,
  token: async () => (await import("./commands/token.ts")).tokenCommand,
  audit: async () => (await import("./commands/audit.ts")).auditCommand,
  schema: async () => (await import("./commands/schema.ts")).schemaCommand,
  openapi: async () => (await import("./commands/schema.ts")).openapiCommand,
};

const usage = `wallet-core-ops: what is running, what is stuck, which host is hot, what was deployed

  serve             answer REST, GraphQL and the console (configuration: WALLET_CORE_OPS_*, see README)
  check             read the configuration, ask each upstream once, say what is wrong and what to do
  indexes           print the indexes that the job tables lack, as SQL with their gain; creates none (--help for exit codes)
  token             make a bearer token and its hashed entry for TOKENS_FILE (--help for options)
  audit verify      check the hash chain of the audit record
  schema, openapi   write schema/schema.graphql, schema/openapi.json (--check: only compare)
`;

/** The only reader of the process's arguments and environment. Exit codes: 0 done, 1 failed, 2 usage, 78 configuration. */
async function main(): Promise<void> {
  enableCompileCache();
  const [name = "", ...args] = process.argv.slice(2);
  const command = Object.hasOwn(commands, name) ? await commands[name]?.() : undefined;
  if (!command) {
    const asked = name === "help" || name === "--help";
    (asked ? process.stdout : process.stderr).write(usage);
    process.exitCode = asked ? 0 : 2;
    return;
  }
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    // The second signal ends the process at once, as it would without us.
    process.once(signal, () => stop.abort(signal));
  }
  process.exitCode = await command({
    args,
    env: process.env,
    readFile: (path) => readFileSync(path, "utf8"),
    print: (text) => process.stdout.write(`${text}\n`),
    printError: (text) => process.stderr.write(`${text}\n`),
    stop: stop.signal,
  });
}

// Not awaited: the image ships a CommonJS bundle, which has no top-level await.
void main();
