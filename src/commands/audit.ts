import { parseArgs } from "node:util";
import { verifyAudit } from "../probes.ts";
import type { Command } from "./command.ts";

const usage = `usage: audit verify [--partial] [FILE]

  FILE        the audit record, with its rotated files beside it (WALLET_CORE_OPS_AUDIT_FILE, else ./audit.jsonl)
  --partial   its oldest files were removed on purpose
`;

/** Checks the hash chain of the audit record: 0 when it is whole, 1 with the `seq` of the first entry that is not. */
export const auditCommand: Command = async ({ args, env, print, printError }) => {
  const request = parseRequest(args);
  if (request === null) {
    printError(usage);
    return 2;
  }
  const path = request.path ?? (env["WALLET_CORE_OPS_AUDIT_FILE"] || "./audit.jsonl");
  const { ok, message } = await verifyAudit(path, request);
  print(`${ok ? "ok   " : "FAIL "} ${message}`);
  return ok ? 0 : 1;
};

function parseRequest(args: readonly string[]): { path: string | undefined; partial: boolean } | null {
  try {
    const options = { partial: { type: "boolean", default: false } } as const;
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const [action, path, ...more] = positionals;
    return action === "verify" && more.length === 0 ? { path, partial: values.partial } : null;
  } catch {
    return null;
  }
}
