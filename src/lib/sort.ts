/**
 * Sorted by a number of each row, ascending. Reads the number once per row: parsing times in each
 * comparison would take most of a long sort.
 */
export function toSortedBy<Row>(rows: readonly Row[], toNumber: (row: Row) => number): Row[] {
  return rows
    .map((row) => ({ row, number: toNumber(row) }))
    .toSorted((a, b) => a.number - b.number)
    .map(({ row }) => row);
}
