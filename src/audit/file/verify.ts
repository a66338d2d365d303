import { basename, dirname, normalize } from "node:path";
import { formatCount } from "../../facts/format.ts";
import { createAnchorCheck } from "../anchors.ts";
import { type ChainHead, createLineVerifier, genesis } from "../line.ts";
import { createTimeCheck, type TimeCheck } from "../times.ts";
import { checkWritable } from "./append.ts";
import { openToRead, readLines, UnpackError } from "./lines.ts";
import {
  foreignLines,
  forkRemedy,
  isBeyond,
  listParts,
  packedLive,
  type Part,
  PartsError,
  readHead,
  unreadRemedy,
} from "./parts.ts";

interface Verdict {
  readonly ok: boolean;
  /** The result, or the first fault with its `seq`. */
  readonly message: string;
}

/**
 * Checks the chain of a record with its rotated files: every byte of every line, their number and
 * order, and that each anchor is in it. `partial`: the oldest files were removed on purpose.
 * Without an anchor it cannot notice missing newest lines.
 */
export async function verifyAudit(
  path: string,
  { partial, anchors = [] }: { readonly partial: boolean; readonly anchors?: readonly ChainHead[] },
): Promise<Verdict> {
  const listed = await listParts(path).catch(() => null);
  if (listed === null) return { ok: false, message: `${dirname(path)} cannot be read` };
  const { parts, unread, copies, ignored, conflict, checkEnds } = listed;
  if (conflict !== null) return { ok: false, message: `${path}: ${conflict}: ${forkRemedy}` };
  const packed = unread.find(({ cause }) => cause === packedLive);
  if (packed) return { ok: false, message: `${packed.path} ${packed.cause}: ${unreadRemedy}` };
  // What the file itself has instead of entries is checked below.
  const rotated = unread.filter((one) => one.path !== normalize(path));
  const [first] = rotated;
  if (first && !partial) return { ok: false, message: `${first.path} ${first.cause}: ${unreadRemedy}` };
  // Checks a current file without any entry too: it may be entirely corrupt.
  const isThere = parts.some((part) => part.path === normalize(path));
  const files = isThere ? parts : [...parts, { path, isPacked: false, upTo: Number.POSITIVE_INFINITY }];
  const foreign = parts.find(({ cut }) => cut?.cause === foreignLines);
  if (foreign) return { ok: false, message: `${foreign.path} ${foreignLines}: ${unreadRemedy}` };
  let head: ChainHead | null = partial ? null : genesis;
  const [anchored, times] = [createAnchorCheck(anchors, partial), createTimeCheck()];
  for (const file of files) {
    const result = await verifyPart(file, head, times, (entry) => anchored.push(entry) ?? checkEnds(entry, file.path));
    if (typeof result === "string") return { ok: false, message: `${file.path}${result}` };
    head = result;
  }
  const fault = anchored.end();
  if (fault !== null) return { ok: false, message: `${path}: ${fault}` };
  const { seq, hash } = head ?? genesis;
  const left = [
    ...copies.map((copy) => `, without ${basename(copy.path)}, whose entries are in other files too`),
    ...ignored.map((name) => `, without ${name}, which does not have the name of a rotated file`),
    ...rotated.map((one) => `, without ${basename(one.path)}, which ${one.cause}`),
  ].join("");
  return {
    ok: true,
    message: `${formatCount(files.length, "file")}, head seq ${seq} hash ${hash}${anchored.note()}${times.note()}${left}`,
  };
}

/**
 * The chain's head after a file, or what goes on after its path: the fault. `start` null: the first
 * line may follow any entry.
 */
async function verifyPart(
  { path, isPacked, upTo }: Part,
  start: ChainHead | null,
  times: TimeCheck,
  check: (entry: ChainHead) => string | null,
): Promise<ChainHead | string | null> {
  const lines = createLineVerifier(start, times);
  try {
    await using file = await openToRead(path);
    for await (const { text } of readLines(file, { isPacked })) {
      if (isBeyond(text, upTo)) break;
      const before = lines.head();
      const fault = lines.push(text);
      if (fault !== null) return `: ${fault}`;
      const head = lines.head();
      const other = head === null || head === before ? null : check(head);
      if (other !== null) return `: ${other}`;
    }
  } catch (error) {
    if (error instanceof UnpackError)
      return ` cannot be unpacked after seq ${lines.head()?.seq ?? 0} (${error.message})`;
    return ` cannot be read (${(error as NodeJS.ErrnoException).code})`;
  }
  const cut = lines.end();
  return cut === null ? lines.head() : `: ${cut}`;
}

/**
 * One line of `cli check`: the head of the record, or why it cannot be written and the remedy.
 * Never rejects.
 */
export async function probeAudit(path: string): Promise<{ ok: boolean; detail: string; warnings: readonly string[] }> {
  try {
    const { size, locked } = await checkWritable(path);
    const head = await readHead(path);
    const writer = locked ? ", a running gateway writes it" : "";
    const found = head.seq > 0 ? `${path}, head seq ${head.seq}` : `${path}, no entry yet`;
    const warnings = head.seq === 0 && size ? [`${path} contains text but no entry: is it another file?`] : [];
    return { ok: true, detail: found + writer, warnings };
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof PartsError)
      return { ok: false, detail: `nothing can be restarted or changed: ${message}`, warnings: [] };
    const remedy = "let the gateway's user write the file and its folder, or set WALLET_CORE_OPS_AUDIT_FILE";
    const detail = `${path} cannot be written, so nothing can be restarted or changed (${message}): ${remedy}`;
    return { ok: false, detail, warnings: [] };
  }
}
