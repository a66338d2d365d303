import { expect, it } from "vitest";
import { findFaults } from "../../script/grafana/draw/judge.ts";
import type { DrawnColumn, DrawnPanel } from "../../script/grafana/draw/report.ts";

const samplePanel = (own: Partial<DrawnPanel>): DrawnPanel => ({
  id: 1,
  title: "Queues",
  isTitleCut: false,
  errors: [],
  values: 3,
  placeholder: null,
  isDrawn: true,
  columns: [],
  links: [],
  ...own,
});

const sampleColumn = (own: Partial<DrawnColumn>): DrawnColumn => ({
  name: "Error",
  isNameCut: false,
  isText: false,
  cut: [],
  ...own,
});

const judge = (own: Partial<DrawnPanel>, empty: Readonly<Record<string, string>> = {}) =>
  findFaults([{ uid: "ops", panels: [samplePanel(own)], faults: [] }], ["ops"], empty);

it("a panel that shows something has no fault", () => {
  expect(judge({})).toEqual([]);
});

it.each<[string, Partial<DrawnPanel>, string]>([
  ["an error", { errors: ["status code : 503"] }, "status code : 503"],
  ["no ink", { isDrawn: false }, "nothing is drawn"],
  ["no rows", { values: 0 }, "empty: no rows"],
  ["a text in place of its content", { placeholder: "No data" }, "empty: No data"],
  ["a cut title", { isTitleCut: true }, "its title is cut"],
  ["a cut name of a column", { columns: [sampleColumn({ isNameCut: true })] }, "the name of the column Error is cut"],
  [
    "a cut text",
    { columns: [sampleColumn({ isText: true, cut: ["pq: seri", "no"] })] },
    "the column Error is cut: pq: seri",
  ],
  [
    "a link with a variable",
    { links: ["/d/ops?var-queue=${queue}"] },
    "a variable of the link /d/ops?var-queue=${queue} is not filled in",
  ],
  ["a link to no dashboard", { links: ["/d/other?from=now-1h"] }, "no dashboard is at the link /d/other?from=now-1h"],
])("%s is a fault", (_name, own, fault) => {
  expect(judge(own)).toEqual([`ops: Queues: ${fault}`]);
});

it("a column that is not marked as text may be cut", () => {
  expect(judge({ columns: [sampleColumn({ cut: ["pq: seri"] })] })).toEqual([]);
});

it("an expected empty panel has no fault, and one that is not empty has", () => {
  const empty = { "ops: Queues": "nothing waits" };
  expect(judge({ values: 0 }, empty)).toEqual([]);
  expect(judge({}, empty)).toEqual(["ops: Queues: not empty, as it is expected to be"]);
});

it("an expected empty panel that is not drawn is a fault", () => {
  expect(findFaults([{ uid: "ops", panels: [samplePanel({})], faults: [] }], ["ops"], { "ops: Gone": "why" })).toEqual([
    "ops: Gone: no such panel is drawn",
  ]);
});

it("errors of the page are faults", () => {
  expect(findFaults([{ uid: "ops", panels: [], faults: ["TypeError: x"] }], ["ops"])).toEqual(["ops: TypeError: x"]);
});
