import { createReadStream } from "node:fs";
import { parseAnchor, readAnchors } from "../audit/anchors.ts";
import { verifyAudit } from "../audit/file/verify.ts";
import type { ChainHead } from "../audit/line.ts";
import { verifyTable } from "../audit/postgres/probe.ts";
import { withoutControls } from "../lib/text.ts";
import { createCommand, UsageError } from "./command.ts";
import { readStateUrl } from "./state-url.ts";

const usage = `usage: audit verify [--partial] [--head HEAD]... [FILE]

  FILE        the audit record, with its rotated files beside it (WALLET_CORE_OPS_AUDIT_FILE, else ./audit.jsonl); without it, and
              with WALLET_CORE_OPS_STATE_URL (or ..._FILE), the record in that database
  --partial   its oldest files were removed on purpose
  --head      an entry that must be in it, as SEQ:HASH; or a file with such entries: that of WALLET_CORE_OPS_AUDIT_ANCHOR, or
              the gateway's log. With --partial, at least one must be in the part that is left
`;

const options = { partial: { type: "boolean", default: false }, head: { type: "string", multiple: true } } as const;

/**
 * Checks the hash chain of the audit record. Exits 0 when it is whole, 1 with the `seq` of the
 * first bad entry.
 */
export const auditCommand = createCommand({ usage, options, allowPositionals: true }, async (context, parsed) => {
  const [action, file, ...more] = parsed.positionals;
  if (action !== "verify")
    throw new UsageError(action === undefined ? "The action is missing" : `Unknown action '${action}'`);
  if (more.length > 0) throw new UsageError(`Unexpected argument '${more[0]}'`);
  const { partial, head = [] } = parsed.values;
  const anchors: ChainHead[] = [];
  let cut: string | null = null;
  for (const text of head) {
    const found = await findAnchors(text);
    if (typeof found === "string") return report({ ok: false, message: found }, context.print);
    for (const anchor of found.anchors) anchors.push(anchor);
    if (found.isCut) cut ??= text;
  }
  const stateUrl = file === undefined ? readStateUrl(context) : null;
  const path = file ?? (context.env["WALLET_CORE_OPS_AUDIT_FILE"] || "./audit.jsonl");
  const given = { partial, anchors };
  const verdict = await (stateUrl === null ? verifyAudit(path, given) : verifyTable(stateUrl, given));
  if (cut === null || !verdict.ok) return report(verdict, context.print);
  // It may have been the newest head, and the only one of entries that were removed since.
  const message = `the last line of ${cut} is cut: it was not compared. The rest is ok: ${verdict.message}`;
  return report({ ok: false, message }, context.print);
});

interface FoundAnchors {
  readonly anchors: readonly ChainHead[];
  /** Whether the last line is not whole. */
  readonly isCut: boolean;
}

/** Returns why there are none. */
async function findAnchors(text: string): Promise<FoundAnchors | string> {
  const anchor = parseAnchor(text);
  if (anchor) return { anchors: [anchor], isCut: false };
  try {
    const found = await readAnchors(createReadStream(text, "utf8"));
    return found.anchors.length > 0 ? found : `${text} has no head: lines of JSON with seq and hash`;
  } catch (error) {
    return `${text} is neither SEQ:HASH nor a file that can be read (${(error as NodeJS.ErrnoException).code})`;
  }
}

function report(
  { ok, message }: { readonly ok: boolean; readonly message: string },
  print: (text: string) => void,
): number {
  print(withoutControls(`${ok ? "ok   " : "FAIL "} ${message}`));
  return ok ? 0 : 1;
}
