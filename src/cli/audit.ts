import { parseAnchor, parseAnchors } from "../audit/anchors.ts";
import { verifyAudit } from "../audit/file/verify.ts";
import type { ChainHead } from "../audit/line.ts";
import { verifyTable } from "../audit/postgres/probe.ts";
import { type CommandContext, createCommand, UsageError } from "./command.ts";
import { readStateUrl } from "./state-url.ts";

const usage = `usage: audit verify [--partial] [--head HEAD]... [FILE]

  FILE        the audit record, with its rotated files beside it (WALLET_CORE_OPS_AUDIT_FILE, else ./audit.jsonl); without it, and
              with WALLET_CORE_OPS_STATE_URL (or ..._FILE), the record in that database
  --partial   its oldest files were removed on purpose
  --head      an entry that must be in it, as SEQ:HASH; or a file with such entries: that of WALLET_CORE_OPS_AUDIT_ANCHOR, or
              the gateway's log
`;

const options = { partial: { type: "boolean", default: false }, head: { type: "string", multiple: true } } as const;

/** Checks the hash chain of the audit record. Exits 0 when it is whole, 1 with the `seq` of the first bad entry. */
export const auditCommand = createCommand({ usage, options, allowPositionals: true }, async (context, parsed) => {
  const [action, file, ...more] = parsed.positionals;
  if (action !== "verify") throw new UsageError(action === undefined ? "What to do is missing" : `Unknown action '${action}'`);
  if (more.length > 0) throw new UsageError(`Unexpected argument '${more[0]}'`);
  const { partial, head = [] } = parsed.values;
  const anchors: ChainHead[] = [];
  for (const text of head) {
    const found = readAnchors(text, context);
    if (typeof found === "string") return report({ ok: false, message: found }, context.print);
    anchors.push(...found);
  }
  const stateUrl = file === undefined ? readStateUrl(context) : null;
  if (stateUrl !== null) return report(await verifyTable(stateUrl, { partial, anchors }), context.print);
  const path = file ?? (context.env["WALLET_CORE_OPS_AUDIT_FILE"] || "./audit.jsonl");
  return report(await verifyAudit(path, { partial, anchors }), context.print);
});

/** Returns why there are none. */
function readAnchors(text: string, { readFile }: CommandContext): readonly ChainHead[] | string {
  const anchor = parseAnchor(text);
  if (anchor) return [anchor];
  try {
    const anchors = parseAnchors(readFile(text));
    return anchors.length > 0 ? anchors : `${text} has no head: lines of JSON with seq and hash`;
  } catch (error) {
    return `${text} is neither SEQ:HASH nor a file that can be read (${(error as NodeJS.ErrnoException).code})`;
  }
}

function report({ ok, message }: { readonly ok: boolean; readonly message: string }, print: (text: string) => void): number {
  print(`${ok ? "ok   " : "FAIL "} ${message}`);
  return ok ? 0 : 1;
}
