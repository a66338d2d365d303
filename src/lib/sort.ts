/**
 * Sorted by a number of each row, ascending. It is read once for each row: a comparison that parses
 * times takes most of a long sort.
 */
export function toSortedBy<Row>(rows: readonly Row[], toNumber: (row: Row) => number): Row[] {
  return rows
    .map((row) => ({ row, number: toNumber(row) }))
    .toSorted((a, b) => a.number - b.number)
    .map(({ row }) => row);
}
