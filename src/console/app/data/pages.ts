/** A page of a list that is newest first. */
export interface Page<Row> {
  readonly edges: readonly { readonly cursor: string; readonly node: Row }[];
  readonly pageInfo: { readonly hasNextPage: boolean };
}

export interface FeedRow<Row> {
  /** Names the row, and what comes after it. */
  readonly cursor: string;
  readonly node: Row;
}

/** What was read of a list. */
export interface Loaded<Row> {
  readonly rows: readonly FeedRow<Row>[];
  readonly hasOlder: boolean;
}

/** An older page below the rows that were read before. */
export function appendPage<Row, Before extends Loaded<Row>>(before: Before, { edges, pageInfo }: Page<Row>): Before {
  const known = new Set(before.rows.map(({ cursor }) => cursor));
  return {
    ...before,
    rows: [...before.rows, ...edges.filter(({ cursor }) => !known.has(cursor))],
    hasOlder: pageInfo.hasNextPage && edges.length > 0,
  };
}

/**
 * The newest page above what was read before, which `toTime` orders. Where they do not touch,
 * something between them is missing: then only the page counts.
 */
export function mergePage<Row>(
  { edges, pageInfo }: Page<Row>,
  before: Loaded<Row> | null,
  toTime: (row: Row) => string | number,
): Loaded<Row> {
  const alone = { rows: edges, hasOlder: pageInfo.hasNextPage };
  const last = edges.at(-1);
  if (!before || !last || !pageInfo.hasNextPage) return alone;
  const cursors = new Set(edges.map(({ cursor }) => cursor));
  if (!before.rows.some(({ cursor }) => cursors.has(cursor))) return alone;
  const end = toTime(last.node);
  const older = before.rows.filter(({ cursor, node }) => !cursors.has(cursor) && toTime(node) <= end);
  return { rows: [...edges, ...older], hasOlder: older.length > 0 ? before.hasOlder : pageInfo.hasNextPage };
}
