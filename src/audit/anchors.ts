import { parseJson } from "../lib/http-client.ts";
import { formatCount } from "../lib/text.ts";
import { type ChainHead, genesis } from "./line.ts";

/** Compares a chain with heads that were noted outside of it. */
export interface AnchorCheck {
  /** The next entry of the chain. Returns the fault, null without one. */
  push(entry: ChainHead): string | null;
  /** After the newest entry: the fault of an anchor that was not met, null without one. */
  end(): string | null;
}

/** `SEQ:HASH`; null for anything else. */
export function parseAnchor(text: string): ChainHead | null {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/i.exec(text) ?? [];
  return seq === undefined || hash === undefined ? null : { seq: Number(seq), hash: hash.toLowerCase() };
}

/**
 * The anchors of a file: JSON lines with `seq` and `hash`, as AUDIT_ANCHOR writes them, or with these in `audit`, as the gateway's own log has them. Other lines are left out: a
 * log has many.
 */
export function parseAnchors(text: string): ChainHead[] {
  return text.split("\n").flatMap((line) => {
    const value = parseJson(line) as { readonly audit?: unknown } | null | undefined;
    const { seq, hash } = ((value?.audit ?? value) || {}) as { readonly seq?: unknown; readonly hash?: unknown };
    return parseAnchor(`${String(seq)}:${String(hash)}`) ?? [];
  });
}

/** `partial`: the oldest entries may be missing, and with them those of anchors. */
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
  return {
    push(entry) {
      first ??= entry.seq;
      last = entry.seq;
      return compare(entry);
    },
    end() {
      const fault = compare(genesis);
      if (fault !== null) return fault;
      const lost = [...expected.keys()].toSorted((a, b) => a - b).find((seq) => !partial || seq >= (first ?? 0));
      if (lost === undefined) return null;
      const place = lost > last ? `the record ends at seq ${last}` : "it is not in the record";
      return `seq ${lost} was anchored, and is missing: ${place}`;
    },
  };
}

/** What a good verdict says of the anchors; "" without any. */
export function toAnchorNote(anchors: readonly ChainHead[]): string {
  return anchors.length === 0 ? "" : `, ${formatCount(anchors.length, "anchor")} in its chain`;
}
