import { toProblem } from "../../lib/errors.ts";
import type { Fields } from "../builder.ts";
import type { Refs } from "../refs.ts";

/** What the fields of a page need. */
interface Page {
  readonly truncated: boolean;
  readonly hasNewer: boolean;
  readonly olderCount: number;
  readonly isAt: boolean;
}

interface Cursors<Shape> {
  readonly toStart: (page: Shape) => string | null;
  readonly toEnd: (page: Shape) => string | null;
}

interface WithHistory {
  /** Null or absent for none. */
  readonly historyError?: unknown;
}

/** The field of the failure of the log history. */
export function toHistoryError<Shape extends WithHistory>(t: Fields<Shape>, refs: Refs, when = "") {
  return t.field({
    type: refs.problem,
    nullable: true,
    description:
      `${when}Why lines of the log history, which are older than those of the engines, ` +
      "may be missing. Null when none are, and without a log history.",
    resolve: ({ historyError }) =>
      historyError === null || historyError === undefined ? null : toProblem(historyError),
  });
}

/** The fields of a page of log lines that lead to its neighbours. */
export function toPageFields<Shape extends Page>(t: Fields<Shape>, { toStart, toEnd }: Cursors<Shape>) {
  return {
    atIndex: t.int({
      nullable: true,
      description:
        "For a page around a time: index of the first of `lines` at or after " +
        "it; the number of lines when none is. Else null.",
      resolve: ({ isAt, olderCount }) => (isAt ? olderCount : null),
    }),
    hasOlder: t.boolean({
      description:
        "Whether older matching lines exist, or may exist where the log was not searched further. As `truncated`.",
      resolve: ({ truncated }) => truncated,
    }),
    hasNewer: t.boolean({
      description:
        "Whether newer matching lines existed, or may have, when the page " +
        "was read. A log that still grows has more later.",
      resolve: ({ hasNewer }) => hasNewer,
    }),
    startCursor: t.string({
      nullable: true,
      description:
        "For `before`: leads to the previous page, without a gap or a repeated line. " +
        "Null when the page is empty, unless its search was cut short.",
      resolve: toStart,
    }),
    endCursor: t.string({
      nullable: true,
      description: "For `after`: leads to the next page, as `startCursor`.",
      resolve: toEnd,
    }),
  };
}
