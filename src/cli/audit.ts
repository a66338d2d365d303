import { verifyAudit } from "../audit/file/verify.ts";
import { verifyTable } from "../audit/postgres/probe.ts";
import { createCommand, UsageError } from "./command.ts";
import { readStateUrl } from "./state-url.ts";

const usage = `usage: audit verify [--partial] [FILE]

  FILE        the audit record, with its rotated files beside it (WALLET_CORE_OPS_AUDIT_FILE, else ./audit.jsonl); without it, and
              with WALLET_CORE_OPS_STATE_URL (or ..._FILE), the record in that database
  --partial   its oldest files were removed on purpose
`;

const options = { partial: { type: "boolean", default: false } } as const;

/** Checks the hash chain of the audit record. Exits 0 when it is whole, 1 with the `seq` of the first bad entry. */
export const auditCommand = createCommand({ usage, options, allowPositionals: true }, async (context, parsed) => {
  const [action, file, ...more] = parsed.positionals;
  if (action !== "verify") throw new UsageError(action === undefined ? "What to do is missing" : `Unknown action '${action}'`);
  if (more.length > 0) throw new UsageError(`Unexpected argument '${more[0]}'`);
  const stateUrl = file === undefined ? readStateUrl(context) : null;
  if (stateUrl !== null) return report(await verifyTable(stateUrl), context.print);
  const path = file ?? (context.env["WALLET_CORE_OPS_AUDIT_FILE"] || "./audit.jsonl");
  return report(await verifyAudit(path, parsed.values), context.print);
});

function report({ ok, message }: { readonly ok: boolean; readonly message: string }, print: (text: string) => void): number {
  print(`${ok ? "ok   " : "FAIL "} ${message}`);
  return ok ? 0 : 1;
}
