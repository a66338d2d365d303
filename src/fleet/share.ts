import { type Budget, tooLong } from "../lib/budget/budget.ts";
import { OpsError } from "../lib/errors.ts";

/** What one region has of a limit. */
interface Part {
  amount: number;
  /** Why it has failed. */
  reason: OpsError | null;
  readonly fail: (reason: OpsError) => void;
}

interface Limit {
  /**
   * Throws answer_too_large or overloaded when so much more is too much, and then takes nothing.
   */
  readonly take: (amount: number) => void;
  readonly give: (amount: number) => void;
}

/**
 * A limit of one answer, which the regions that are asked for it share. When they have too much, or
 * the memory of all answers is used up, the one that has most fails, also if its answer is
 * complete, and the others go on without it: so their order does not count.
 */
function createShare({ take, give }: Limit) {
  const parts = new Set<Part>();
  const drop = (part: Part): void => {
    if (parts.delete(part)) give(part.amount);
  };
  return {
    begin(fail: Part["fail"]): Part {
      const part = { amount: 0, reason: null, fail };
      parts.add(part);
      return part;
    },
    /** Throws the reason of a part that has failed, and as the limit does for other reasons. */
    add(part: Part, amount: number): void {
      const weigh = (one: Part) => one.amount + (one === part ? amount : 0);
      while (part.reason === null) {
        try {
          take(amount);
          part.amount += amount;
          return;
        } catch (error) {
          if (!(error instanceof OpsError) || !excesses.has(error.code)) throw error;
          const most = [...parts].reduce((one, other) => (weigh(other) > weigh(one) ? other : one), part);
          most.reason = error;
          drop(most);
          most.fail(error);
        }
      }
      throw part.reason;
    },
    /** Of a region that has failed. */
    drop,
  };
}

const excesses: ReadonlySet<string> = new Set(["answer_too_large", "overloaded"]);

export type Share = ReturnType<typeof createShare>;

/**
 * Memory of an answer until it is joined, as a multiple of its text: that, and what is parsed. Its
 * rows count again when they are joined.
 */
const memoryFactor = 2;

/** The bytes of one answer. `end`: all have answered, or failed. */
export function createByteShare(budget: Pick<Budget, "maxBytes" | "text" | "hold" | "free">): Share & { end(): void } {
  let total = 0;
  const share = createShare({
    take(bytes) {
      if (total + bytes > budget.maxBytes) throw tooLong(budget.maxBytes);
      budget.hold(bytes * memoryFactor);
      total += bytes;
    },
    give(bytes) {
      total -= bytes;
      budget.free(bytes * memoryFactor);
    },
  });
  return { ...share, end: () => budget.text(total) };
}

/** The rows of one answer. */
export function createRowShare(budget: Pick<Budget, "rows" | "giveBackRows">): Share {
  return createShare({ take: (count) => budget.rows(count), give: (count) => budget.giveBackRows(count) });
}
