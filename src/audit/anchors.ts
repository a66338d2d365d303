import { parseJson } from "../lib/http-client.ts";
import { formatCount } from "../facts/format.ts";
import { type ChainHead, genesis } from "./line.ts";

/** Compares a chain with heads that were noted outside of it. */
export interface AnchorCheck {
  /** The next entry of the chain. Returns the fault, null without one. */
  push(entry: ChainHead): string | null;
  /** After the newest entry: the fault of an anchor that was not found; null without one. */
  end(): string | null;
  /** What a successful check says about the anchors; "" without any. */
  note(): string;
}

/** `SEQ:HASH`; null for anything else. */
export function parseAnchor(text: string): ChainHead | null {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/i.exec(text) ?? [];
  return seq === undefined || hash === undefined ? null : { seq: Number(seq), hash: hash.toLowerCase() };
}

/**
 * Whether the last line of a file of anchors was cut, as a crash in the middle of a write leaves
 * it: it may be the newest anchor.
 */
export function isCutAnchor(text: string): boolean {
  const last = text.slice(text.lastIndexOf("\n") + 1);
  return last !== "" && parseJson(last) === undefined;
}

/**
 * The anchors of a file: JSON lines with `seq` and `hash`, as AUDIT_ANCHOR writes them, or with
 * these in `audit`, as the gateway's own log has them. Other lines are left out: a log has many.
 */
export function parseAnchors(text: string): ChainHead[] {
  return text.split("\n").flatMap((line) => {
    const value = parseJson(line) as { readonly audit?: unknown } | null | undefined;
    const { seq, hash } = ((value?.audit ?? value) || {}) as { readonly seq?: unknown; readonly hash?: unknown };
    return parseAnchor(`${String(seq)}:${String(hash)}`) ?? [];
  });
}

/** No line of ours has as many characters. */
const longestLine = 4 << 20;

/**
 * The anchors of a file of any length, and whether its last line is cut. Rejects with the error of
 * `chunks`.
 */
export async function readAnchors(chunks: AsyncIterable<string>) {
  const anchors: ChainHead[] = [];
  let rest = "";
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf("\n");
    if (end >= 0) for (const anchor of parseAnchors(rest + chunk.slice(0, end))) anchors.push(anchor);
    if (end >= 0) rest = chunk.slice(end + 1);
    // The beginning of a line that is too long is not JSON.
    else if (rest.length < longestLine) rest += chunk;
  }
  for (const anchor of parseAnchors(rest)) anchors.push(anchor);
  return { anchors, isCut: isCutAnchor(rest) };
}

/**
 * `partial`: the oldest entries may be missing, also those that anchors name. Such anchors cannot
 * be compared, but at least one anchor must be.
 */
export function createAnchorCheck(anchors: readonly ChainHead[], partial: boolean): AnchorCheck {
  const expected = new Map<number, Set<string>>();
  for (const { seq, hash } of anchors) expected.set(seq, (expected.get(seq) ?? new Set()).add(hash));
  const compare = ({ seq, hash }: ChainHead): string | null => {
    const hashes = expected.get(seq);
    if (!hashes) return null;
    expected.delete(seq);
    const isSame = hashes.size === 1 && hashes.has(hash);
    return isSame ? null : `seq ${seq} is not the one that was anchored`;
  };
  let [first, last] = [null as number | null, 0];
  const isBefore = ({ seq }: Pick<ChainHead, "seq">) => partial && first !== null && first > 1 && seq < first;
  return {
    push(entry) {
      first ??= entry.seq;
      last = entry.seq;
      return compare(entry);
    },
    end() {
      if (anchors.length > 0 && anchors.every(isBefore)) {
        return `no anchor could be compared: the newest is seq ${anchors.reduce((most, { seq }) => Math.max(most, seq), 0)}, and this part begins at seq ${first}`;
      }
      const fault = compare(genesis);
      if (fault !== null) return fault;
      const lost = [...expected.keys()].toSorted((a, b) => a - b).find((seq) => !isBefore({ seq }));
      if (lost === undefined) return null;
      const place = lost > last ? `the record ends at seq ${last}` : "it is not in the record";
      return `seq ${lost} was anchored, and is missing: ${place}`;
    },
    note() {
      if (anchors.length === 0) return "";
      const outside = anchors.filter(isBefore).length;
      const left = outside === 0 ? "" : `, ${outside} older than seq ${first} not compared`;
      return `, ${formatCount(anchors.length - outside, "anchor")} in its chain${left}`;
    },
  };
}
