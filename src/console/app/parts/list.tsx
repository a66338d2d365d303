import { observeWindowOffset, observeWindowRect, Virtualizer, windowScroll } from "@tanstack/virtual-core";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import { params, setParams } from "../data/url.ts";

export interface Column<Row> {
  readonly name: string;
  /** As a grid track: "minmax(0, 2fr)", "96px". */
  readonly width: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Numbers stand on the right. */
  readonly isNumber?: boolean;
  /** Absent on a phone. */
  readonly isWideOnly?: boolean;
  /** Makes the column sortable. Unknown values (null) come last, in both directions. */
  readonly sortBy?: (row: Row) => string | number | null | undefined;
  /** What the column says, on hover. */
  readonly title?: string;
}

interface ListProps<Row> {
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly rowKey: (row: Row) => string;
  /** Where Enter and a click lead. */
  readonly rowHref?: (row: Row) => string;
  readonly label: string;
  /** The parameter of the URL that holds the order; lists of one screen differ in it. */
  readonly sortParam?: string;
  /** Says which rows are in view, for what is asked only of those. */
  readonly onView?: (rows: readonly Row[]) => void;
}

const rowHeight = 32;

/** A list of any length: only what is in view is in the page. The order is in the URL; without one, rows come as they are given. */
export function List<Row>(props: ListProps<Row>) {
  const { columns, rowKey, rowHref, label, sortParam = "sort", onView } = props;
  const isNarrow = useIsNarrow();
  const shown = isNarrow ? columns.filter((column) => !column.isWideOnly) : columns;
  const sort = params.value.get(sortParam) ?? "";
  const sorted = sortRows(props.rows, columns, sort);
  const isHeld = useRef(false);
  const rows = useHeldOrder(sorted, rowKey, isHeld);
  const body = useRef<HTMLDivElement>(null);
  const items = useVirtualRows(rows.length, body);
  const template = { gridTemplateColumns: shown.map(({ width }) => width).join(" ") };
  const view = items.map(({ index }) => rows[index]).filter((row) => row !== undefined);
  const viewKey = view.map(rowKey).join("\n");
  useEffect(() => onView?.(view), [viewKey]);

  return (
    <div
      class="list"
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      onPointerEnter={() => (isHeld.current = true)}
      onPointerLeave={() => (isHeld.current = false)}
    >
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
      <div class="body" role="rowgroup" ref={body} style={{ height: `${rows.length * rowHeight}px` }}>
        {items.map(({ index, start }) => {
          const row = rows[index];
          if (row === undefined) return null;
          const cells = shown.map((column) => (
            <div key={column.name} role="cell" class={column.isNumber ? "number" : ""}>
              {column.cell(row)}
            </div>
          ));
          return (
            <div
              key={rowKey(row)}
              class="row"
              role="row"
              aria-rowindex={index + 2}
              data-href={rowHref?.(row)}
              style={{ ...template, transform: `translateY(${start}px)` }}
            >
              {cells}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function ariaSort(sort: string, name: string): { readonly "aria-sort"?: "ascending" | "descending" } {
  if (sort === name) return { "aria-sort": "ascending" };
  return sort === `-${name}` ? { "aria-sort": "descending" } : {};
}

/** Down, then up, then as it comes. */
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

/** Nothing moves under the pointer: while it is over the list, rows stay where they are; new ones come at the end. */
function useHeldOrder<Row>(
  rows: readonly Row[],
  rowKey: (row: Row) => string,
  isHeld: { readonly current: boolean },
): readonly Row[] {
  const order = useRef<readonly string[]>([]);
  if (!isHeld.current) {
    order.current = rows.map(rowKey);
    return rows;
  }
  const byKey = new Map(rows.map((row) => [rowKey(row), row]));
  const held = order.current.map((key) => byKey.get(key)).filter((row) => row !== undefined);
  const isKnown = new Set(order.current);
  const added = rows.filter((row) => !isKnown.has(rowKey(row)));
  order.current = [...held, ...added].map(rowKey);
  return [...held, ...added];
}

interface Item {
  readonly index: number;
  /** Pixels from the list's beginning. */
  readonly start: number;
}

/** The rows in view, as the page scrolls. */
function useVirtualRows(count: number, body: { readonly current: HTMLElement | null }): readonly Item[] {
  const [, redraw] = useReducer<number, undefined>((turn) => turn + 1, 0);
  const [virtualizer] = useState(() => new Virtualizer<Window, Element>(toOptions(count, 0, () => redraw(undefined))));
  const margin = body.current ? body.current.getBoundingClientRect().top + scrollY : 0;
  virtualizer.setOptions(toOptions(count, margin, () => redraw(undefined)));
  useLayoutEffect(() => virtualizer._didMount(), []);
  useLayoutEffect(() => virtualizer._willUpdate());
  return virtualizer.getVirtualItems().map(({ index, start }) => ({ index, start: start - margin }));
}

function toOptions(count: number, scrollMargin: number, onChange: () => void) {
  return {
    count,
    scrollMargin,
    onChange,
    overscan: 12,
    estimateSize: () => rowHeight,
    getScrollElement: () => window,
    observeElementRect: observeWindowRect,
    observeElementOffset: observeWindowOffset,
    scrollToFn: windowScroll,
    initialOffset: () => scrollY,
    initialRect: { width: innerWidth, height: innerHeight },
  };
}

const narrow = matchMedia("(max-width: 700px)");

/** Whether the page is as narrow as a phone. */
export function useIsNarrow(): boolean {
  const [isNarrow, setNarrow] = useState(narrow.matches);
  useEffect(() => {
    const update = () => setNarrow(narrow.matches);
    narrow.addEventListener("change", update);
    return () => narrow.removeEventListener("change", update);
  }, []);
  return isNarrow;
}
