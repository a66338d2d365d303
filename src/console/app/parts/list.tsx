import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { go, params, setParams } from "../page/url.ts";

export interface Column<Row> {
  readonly name: string;
  /** As a grid track: "minmax(0, 2fr)", "96px". */
  readonly width: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Numbers stand on the right. */
  readonly isNumber?: boolean;
  /** Absent on a phone; "desktop": on a tablet as well. */
  readonly isWideOnly?: boolean | "desktop";
  /** Makes the column sortable. Unknown values (null) come last, in both directions. */
  readonly sortBy?: (row: Row) => string | number | null | undefined;
  /** What the column says, on hover. */
  readonly title?: string;
}

interface ListProps<Row> {
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly rowKey: (row: Row) => string;
  /** Where a click leads that hits neither a link nor a button. */
  readonly rowHref?: (row: Row) => string;
  readonly label: string;
  /** The parameter of the URL that holds the order; lists of one screen differ in it. */
  readonly sortParam?: string;
  /** Reports which rows are in view, for queries about those only. */
  readonly onView?: (rows: readonly Row[]) => void;
}

const rowHeight = 32;

/**
 * A list of any length: only what is in view is in the page. The order is in the URL; without one,
 * rows come as they are given. While `rows` and `columns` stay the same objects, scrolling draws
 * only the rows that come into view.
 */
export function List<Row>(props: ListProps<Row>) {
  const { columns, rowKey, rowHref, label, sortParam = "sort", onView } = props;
  const [isNarrow, isTablet] = [useIsNarrow(), useMatches(tablet)];
  const shown = useMemo(
    () => columns.filter(({ isWideOnly }) => !(isNarrow && isWideOnly) && !(isTablet && isWideOnly === "desktop")),
    [columns, isNarrow, isTablet],
  );
  const sort = params.value.get(sortParam) ?? "";
  const sorted = useMemo(() => sortRows(props.rows, columns, sort), [props.rows, columns, sort]);
  const isHeld = useRef(false);
  const rows = useHeldOrder(sorted, rowKey, isHeld, sort);
  const body = useRef<HTMLDivElement>(null);
  const items = useVirtualRows(rows.length, body);
  const template = { gridTemplateColumns: shown.map(({ width }) => width).join(" ") };
  const view = items.map(({ index }) => rows[index]).filter((row) => row !== undefined);
  const viewKey = view.map(rowKey).join("\n");
  useEffect(() => onView?.(view), [viewKey]);

  return (
    <div class="list" role="table" aria-label={label} aria-rowcount={rows.length + 1}>
      <div role="rowgroup">
        <div class="head" role="row" style={template}>
          {shown.map((column) => (
            <div
              key={column.name}
              role="columnheader"
              class={column.isNumber ? "number" : ""}
              title={column.title}
              {...ariaSort(sort, column.name)}
            >
              {column.sortBy ? (
                <button type="button" onClick={() => setParams({ [sortParam]: nextSort(sort, column.name) })}>
                  {column.name}
                  {sort === column.name ? " ↑" : sort === `-${column.name}` ? " ↓" : ""}
                </button>
              ) : (
                column.name
              )}
            </div>
          ))}
        </div>
      </div>
      <div
        class="body"
        role="rowgroup"
        ref={body}
        style={{ height: `${rows.length * rowHeight}px` }}
        onPointerEnter={() => (isHeld.current = true)}
        onPointerLeave={() => (isHeld.current = false)}
        onClick={openRow}
      >
        {items.map(({ index, start }) => {
          const row = rows[index];
          if (row === undefined) return null;
          return (
            <div
              key={rowKey(row)}
              class="row"
              role="row"
              aria-rowindex={index + 2}
              data-href={rowHref?.(row)}
              style={{ ...template, transform: `translateY(${start}px)` }}
            >
              <Cells row={row} columns={shown} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** Drawn again only for another row or other columns. */
function Cells<Row>({ row, columns }: { readonly row: Row; readonly columns: readonly Column<Row>[] }) {
  return useMemo(
    () => (
      <>
        {columns.map((column) => (
          <div key={column.name} role="cell" class={column.isNumber ? "number" : ""}>
            {column.cell(row)}
          </div>
        ))}
      </>
    ),
    [row, columns],
  );
}

/** A click on a row opens it, unless it hits something of its own or ends a selection of text. */
function openRow({ target }: MouseEvent): void {
  if (!(target instanceof Element) || target.closest("a, button, input") || !getSelection()?.isCollapsed) return;
  const address = target.closest<HTMLElement>("[data-href]")?.dataset["href"];
  if (address) go(address);
}

function ariaSort(sort: string, name: string): { readonly "aria-sort"?: "ascending" | "descending" } {
  if (sort === name) return { "aria-sort": "ascending" };
  return sort === `-${name}` ? { "aria-sort": "descending" } : {};
}

/** Descending, then ascending, then the given order. */
function nextSort(sort: string, name: string): string | null {
  if (sort === `-${name}`) return name;
  return sort === name ? null : `-${name}`;
}

function sortRows<Row>(rows: readonly Row[], columns: readonly Column<Row>[], sort: string): readonly Row[] {
  const sortBy = columns.find(({ name }) => name === sort.replace(/^-/, ""))?.sortBy;
  if (!sortBy) return rows;
  const sign = sort.startsWith("-") ? -1 : 1;
  return rows.toSorted((one, other) => {
    const [left, right] = [sortBy(one) ?? null, sortBy(other) ?? null];
    if (left === null || right === null) return left === right ? 0 : left === null ? 1 : -1;
    return (left < right ? -1 : left > right ? 1 : 0) * sign;
  });
}

/**
 * Nothing moves under the pointer: while it is over the rows they stay where they are; new ones
 * come at the end. Another order applies at once.
 */
export function useHeldOrder<Row>(
  rows: readonly Row[],
  rowKey: (row: Row) => string,
  isHeld: { readonly current: boolean },
  sort: string,
): readonly Row[] {
  const last = useRef<{ readonly rows: readonly Row[]; readonly sort: string; readonly shown: readonly Row[] } | null>(
    null,
  );
  const { current: before } = last;
  let shown = rows;
  if (isHeld.current && before && before.sort === sort) {
    if (before.rows === rows) return before.shown;
    const byKey = new Map(rows.map((row) => [rowKey(row), row]));
    const order = before.shown.map(rowKey);
    const isKnown = new Set(order);
    const held = order.map((key) => byKey.get(key)).filter((row) => row !== undefined);
    shown = [...held, ...rows.filter((row) => !isKnown.has(rowKey(row)))];
  }
  last.current = { rows, sort, shown };
  return shown;
}

interface Item {
  readonly index: number;
  /** Pixels from the list's beginning. */
  readonly start: number;
}

/** Rows drawn beyond the view, on each side; the range moves in steps of half of it. */
const overscan = 16;

/**
 * The rows in view, as the page scrolls. All are equally high, so where the list begins says which
 * they are.
 */
function useVirtualRows(count: number, body: { readonly current: HTMLElement | null }): readonly Item[] {
  const [from, setFrom] = useState(0);
  const step = overscan / 2;
  const update = () => {
    const top = body.current?.getBoundingClientRect().top ?? 0;
    setFrom(Math.max(0, Math.floor(-top / rowHeight / step) * step - overscan));
  };
  useLayoutEffect(update);
  useEffect(() => {
    addEventListener("scroll", update, { passive: true });
    addEventListener("resize", update);
    return () => {
      removeEventListener("scroll", update);
      removeEventListener("resize", update);
    };
  }, []);
  const inView = Math.ceil(innerHeight / rowHeight) + 2 * overscan + step;
  const length = Math.max(0, Math.min(count, from + inView) - from);
  return Array.from({ length }, (_, index) => ({ index: from + index, start: (from + index) * rowHeight }));
}

const [narrow, tablet] = [matchMedia("(max-width: 700px)"), matchMedia("(max-width: 1100px)")];

/** Whether the page is as narrow as a phone. */
export function useIsNarrow(): boolean {
  return useMatches(narrow);
}

function useMatches(media: MediaQueryList): boolean {
  const [matches, setMatches] = useState(media.matches);
  useEffect(() => {
    const update = () => setMatches(media.matches);
    media.addEventListener("change", update);
    return () => media.removeEventListener("change", update);
  }, []);
  return matches;
}
