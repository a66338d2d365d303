#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { enableCompileCache } from "node:module";
import type { Command, CommandContext } from "./cli/command.ts";
import { version } from "./lib/build.ts";
import { toNear, withoutControls } from "./lib/text.ts";
import { terminalCommands } from "./terminal/commands.ts";

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import("./cli/serve.ts")).serveCommand,
  fleet: async () => (await import("./cli/fleet.ts")).fleetCommand,
  check: async () => (await import("./cli/check.ts")).checkCommand,
  indexes: async () => (await import("./cli/indexes.ts")).indexesCommand,
  migrate: async () => (await import("./cli/migrate.ts")).migrateCommand,
  token: async () => (await import("./cli/token.ts")).tokenCommand,
  audit: async () => (await import("./cli/audit.ts")).auditCommand,
  schema: async () => (await import("./cli/schema.ts")).schemaCommand,
  openapi: async () => (await import("./cli/schema.ts")).openapiCommand,
};

const asking = terminalCommands.map(({ name, summary }) => `  ${name.padEnd(16)}  ${summary}`).join("\n");

const usage = `wallet-core-ops: what is running, what is stuck, which host is hot, what was deployed

usage: wallet-core-ops COMMAND [--help]

Asking a gateway, from anywhere (login first, or OPS_URL and OPS_TOKEN):

${asking}

On the gateway's machine:

  serve             answer REST, GraphQL and the console (configuration: WALLET_CORE_OPS_*, see README)
  fleet             answer GraphQL for several regions, by asking their gateways (WALLET_CORE_OPS_REGIONS)
  check             read the configuration, ask each upstream once, say what is wrong and what to do
  indexes           print the indexes that the job tables lack, as SQL with their gain; creates none
  token             make a bearer token and its hashed entry for WALLET_CORE_OPS_TOKENS_FILE
  audit verify      check the hash chain of the audit record
  migrate           make or change the tables of WALLET_CORE_OPS_STATE_URL, for several gateways
  schema, openapi   write schema/schema.graphql and fleet.graphql, schema/openapi.json (--check: only compare)

  COMMAND --help    its arguments and exit codes
  --version         the version of wallet-core-ops, with the commit and time of its build
`;

const topLevel: Readonly<Record<string, string>> = {
  help: usage,
  "--help": usage,
  "-h": usage,
  "--version": `${version}\n`,
};

/**
 * The only reader of the process's arguments and environment. Exit codes: 0 done, 1 failed, 2
 * usage, 78 configuration.
 */
async function main(): Promise<void> {
  enableCompileCache();
  const [name, args] = toCommand(process.argv.slice(2));
  if (Object.hasOwn(topLevel, name)) {
    process.stdout.write(topLevel[name] ?? "");
    return;
  }
  const asks = terminalCommands.find((entry) => entry.name === name);
  if (asks) {
    const { run } = await asks.load();
    const { stdin, stdout, stderr } = process;
    process.exitCode = await run({ ...toContext(args), stdio: { stdin, stdout, stderr } });
    return;
  }
  const command = Object.hasOwn(commands, name) ? await commands[name]?.() : undefined;
  if (!command) {
    process.stderr.write(`${name === "" ? "No command" : withoutControls(describeUnknown(name))}\n\n${usage}`);
    process.exitCode = 2;
    return;
  }
  const code = await command(toContext(args));
  (await import("./cli/end.ts")).endSoon(code);
}

function describeUnknown(name: string): string {
  const near = toNear(name, [...terminalCommands.map((entry) => entry.name), ...Object.keys(commands)]);
  return `Unknown command '${name}'${near.length === 0 ? "" : `: did you mean ${near.join(", ")}?`}`;
}

/** `--context NAME` may also stand before the command, as with kubectl. */
function toCommand([first = "", second, ...rest]: readonly string[]): [name: string, args: readonly string[]] {
  if (first === "--context" && second !== undefined) return [rest[0] ?? "", [...rest.slice(1), first, second]];
  const more = second === undefined ? rest : [second, ...rest];
  // `help NAME` is `NAME --help`.
  return first === "help" && second !== undefined ? [second, ["--help"]] : [first, more];
}

function toContext(args: readonly string[]): CommandContext {
  return {
    args,
    env: process.env,
    readFile: (path) => readFileSync(path, "utf8"),
    print: (text) => process.stdout.write(`${text}\n`),
    printError: (text) => process.stderr.write(`${withoutControls(text)}\n`),
    stop: onSignal(),
  };
}

/** Aborts on a signal to stop. */
function onSignal(): AbortSignal {
  const stop = new AbortController();
  // A second signal ends the process at once, as it would without us.
  for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) process.once(signal, () => stop.abort(signal));
  // A closing terminal sends this several times: from its shell and from the kernel.
  process.on("SIGHUP", () => stop.abort("SIGHUP"));
  return stop.signal;
}

// Not awaited: the image ships a CommonJS bundle, which has no top-level await.
void main();
