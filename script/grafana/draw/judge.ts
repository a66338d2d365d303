import type { DrawnDashboard, DrawnPanel } from "./report.ts";

/** Panels that have nothing to show, as `<uid>: <title>`, and why. */
export type EmptyPanels = Readonly<Record<string, string>>;

/**
 * What is wrong with drawn dashboards, each as `<uid>: <title>: <what>`: panels with errors, empty
 * ones, cut titles, names of columns, and columns that are marked as text, links that lead nowhere,
 * and errors of the page. A panel of `empty` that shows something is a fault too, so that the list
 * stays true.
 *
 * @param uids those of all dashboards
 */
export function findFaults(
  drawn: readonly DrawnDashboard[],
  uids: readonly string[],
  empty: EmptyPanels = {},
): string[] {
  const names = new Set(drawn.flatMap(({ uid, panels }) => panels.map(({ title }) => `${uid}: ${title}`)));
  const lost = Object.keys(empty).filter((name) => !names.has(name));
  const found = drawn.flatMap(({ uid, panels, faults }) => [
    ...panels.flatMap((panel) => {
      const name = `${uid}: ${panel.title}`;
      const own = [
        ...judgeContent(panel, Object.hasOwn(empty, name)),
        ...judgeColumns(panel),
        ...judgeLinks(panel, uids),
      ];
      return own.map((fault) => `${name}: ${fault}`);
    }),
    ...faults.map((fault) => `${uid}: ${fault}`),
  ]);
  return [...found, ...lost.map((name) => `${name}: no such panel is drawn`)];
}

function judgeContent({ errors, isDrawn, isTitleCut, values, placeholder }: DrawnPanel, mayBeEmpty: boolean): string[] {
  // What failed is empty too.
  if (errors.length > 0) return [...errors];
  const isEmpty = values === 0 || placeholder !== null;
  return [
    ...(isDrawn ? [] : ["nothing is drawn"]),
    ...(isTitleCut ? ["its title is cut"] : []),
    ...(isEmpty && !mayBeEmpty ? [`empty: ${placeholder ?? "no rows"}`] : []),
    ...(!isEmpty && mayBeEmpty ? ["not empty, as it is expected to be"] : []),
  ];
}

function judgeColumns({ columns }: DrawnPanel): string[] {
  return columns.flatMap(({ name, isNameCut, isText, cut: [first] }) => [
    ...(isNameCut ? [`the name of the column ${name} is cut`] : []),
    ...(isText && first !== undefined ? [`the column ${name} is cut: ${first}`] : []),
  ]);
}

function judgeLinks({ links }: DrawnPanel, uids: readonly string[]): string[] {
  const unfilled = links.filter((link) => link.includes("${"));
  const lost = links.filter((link) => link.startsWith("/d/") && !uids.includes(/^\/d\/([\w-]+)/.exec(link)?.[1] ?? ""));
  return [
    ...unfilled.map((link) => `a variable of the link ${link} is not filled in`),
    ...lost.map((link) => `no dashboard is at the link ${link}`),
  ];
}
