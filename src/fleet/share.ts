import { type Budget, tooLong } from "../lib/budget/budget.ts";

/** What one region has sent of an answer. */
interface Part {
  bytes: number;
  readonly fail: (reason: Error) => void;
}

export type Share = ReturnType<typeof createShare>;

/** Memory of an answer until it is joined, as a multiple of its text: that, and what is parsed. Its rows count again when they are joined. */
const memoryFactor = 2;

/**
 * The bytes of one answer, which the regions that are asked for it share. When they have sent too many, the one that has sent most fails, also if its answer is complete, and the
 * others go on without its bytes.
 */
export function createShare(budget: Pick<Budget, "maxBytes" | "text" | "hold" | "free">) {
  const parts = new Set<Part>();
  let total = 0;
  const drop = (part: Part): void => {
    if (!parts.delete(part)) return;
    total -= part.bytes;
    budget.free(part.bytes * memoryFactor);
  };
  return {
    begin(fail: Part["fail"]): Part {
      const part = { bytes: 0, fail };
      parts.add(part);
      return part;
    },
    /** Throws overloaded. */
    add(part: Part, bytes: number): void {
      if (!parts.has(part)) return;
      budget.hold(bytes * memoryFactor);
      part.bytes += bytes;
      total += bytes;
      if (total <= budget.maxBytes) return;
      const most = [...parts].reduce((one, other) => (other.bytes > one.bytes ? other : one));
      drop(most);
      most.fail(tooLong(budget.maxBytes));
    },
    /** Of a region that has failed. */
    drop,
    /** All have answered, or failed. */
    end: () => budget.text(total),
  };
}
