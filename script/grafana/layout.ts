import type { Panel, PanelSpec } from "./model.ts";

/** Panels side by side, with their widths; 24 is all. */
interface Row {
  readonly height: number;
  readonly panels: readonly (readonly [width: number, PanelSpec])[];
}

/** A heading, or panels. */
export type Line = string | Row;

/** Gives panels their places from top to bottom, and their ids in this order. */
export function place(lines: readonly Line[]): Panel[] {
  const panels: Panel[] = [];
  let y = 0;
  for (const line of lines) {
    let x = 0;
    const { height, panels: specs } = typeof line === "string" ? toHeading(line) : line;
    for (const [width, spec] of specs) {
      panels.push({ id: panels.length + 1, gridPos: { x, y, w: width, h: height }, ...spec });
      x += width;
    }
    if (x > 24) throw new Error(`a row is ${x} wide`);
    y += height;
  }
  return panels;
}

function toHeading(title: string): Row {
  return { height: 1, panels: [[24, { type: "row", title, collapsed: false, panels: [] }]] };
}
