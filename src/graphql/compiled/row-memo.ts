import type { Container } from "../../containers/container.ts";
import type { Steps } from "../../lib/budget/steps.ts";

/** Shorter lists are not remembered: computing them costs less. */
export const longList = 200;

/** Selects, from the containers of an answer, those to include. */
export type SelectRows = (rows: readonly Container[]) => readonly Container[];

/**
 * Remembers the value computed for each container in a fixed document's list, if it depends on
 * nothing else. Computes it once for each state of a container.
 */
export interface RowMemo<Made> {
  /** For one run of the document. */
  begin(): {
    /** Selects the new ones, so that the document runs only for them. */
    readonly select: SelectRows;
    /**
     * The values for all rows of the list, in its order. `rows` are those of the answer; `make` is
     * called for each. Null for a short list.
     */
    finish<Row>(rows: readonly Row[], make: (row: Row) => Made): Steps<readonly Made[]> | null;
  };
}

export function createRowMemo<Made>(): RowMemo<Made> {
  const known = new WeakMap<Container, { readonly made: Made }>();
  return {
    begin() {
      let all: readonly Container[] | null = null;
      let selected: readonly Container[] = [];
      return {
        select(rows) {
          if (rows.length < longList) return rows;
          all = rows;
          selected = rows.filter((row) => !known.has(row));
          return selected;
        },
        finish(rows, make) {
          return all && makeAll(known, { all, selected, rows }, make);
        },
      };
    },
  };
}

function* makeAll<Row, Made>(
  known: WeakMap<Container, { readonly made: Made }>,
  run: { readonly all: readonly Container[]; readonly selected: readonly Container[]; readonly rows: readonly Row[] },
  make: (row: Row) => Made,
): Steps<readonly Made[]> {
  for (const [index, row] of run.rows.entries()) {
    yield;
    known.set(run.selected[index] as Container, { made: make(row) });
  }
  return run.all.map((row) => (known.get(row) as { made: Made }).made);
}
