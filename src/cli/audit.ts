import { verifyAudit } from "../audit/file/verify.ts";
import { createCommand, UsageError } from "./command.ts";

const usage = `usage: audit verify [--partial] [FILE]

  FILE        the audit record, with its rotated files beside it (WALLET_CORE_OPS_AUDIT_FILE, else ./audit.jsonl)
  --partial   its oldest files were removed on purpose
`;

const options = { partial: { type: "boolean", default: false } } as const;

/** Checks the hash chain of the audit record. Exits 0 when it is whole, 1 with the `seq` of the first bad entry. */
export const auditCommand = createCommand({ usage, options, allowPositionals: true }, async ({ env, print }, parsed) => {
  const [action, file, ...more] = parsed.positionals;
  if (action !== "verify") throw new UsageError(action === undefined ? "What to do is missing" : `Unknown action '${action}'`);
  if (more.length > 0) throw new UsageError(`Unexpected argument '${more[0]}'`);
  const path = file ?? (env["WALLET_CORE_OPS_AUDIT_FILE"] || "./audit.jsonl");
  const { ok, message } = await verifyAudit(path, parsed.values);
  print(`${ok ? "ok   " : "FAIL "} ${message}`);
  return ok ? 0 : 1;
});
