import * as fc from "fast-check";
import { Budget } from "../../src/budget/budget.ts";
import { describe, expect, it, vi } from "vitest";
import { filterRows, parseFilters } from "../../src/grafana/conditions.ts";

const rows = [
  { queue: "payouts", env: "staging", depth: 4 },
  { queue: "pos_settlement", env: "production", depth: 12 },
  { queue: "webhook.aella.process", env: null, depth: 2 },
];

async function left(filters: unknown): Promise<string[]> {
  return (await filterRows(rows, parseFilters(filters), new Budget("test"))).map(({ queue }) => String(queue));
}

describe("ad hoc filters", () => {
  const [payouts, pos, webhook] = ["payouts", "pos_settlement", "webhook.aella.process"] as const;
  it.each([
    ["=", "payouts", undefined, [payouts]],
    ["!=", "payouts", undefined, [pos, webhook]],
    ["=~", "p.*", undefined, [payouts, pos]],
    ["=~", "p", undefined, []],
    ["!~", "p.*", undefined, [webhook]],
    ["=~", "(?i)PAYOUTS|webhook[.].*", undefined, [payouts, webhook]],
    ["<", "pos", undefined, [payouts]],
    [">", "pos", undefined, [pos, webhook]],
    ["=|", "payouts", ["payouts", "pos_settlement"], [payouts, pos]],
    ["!=|", "payouts", ["payouts", "pos_settlement"], [webhook]],
    ["=|", "payouts", undefined, [payouts]],
    ["=", "$__all", undefined, [payouts, pos, webhook]],
    ["=", String.raw`webhook\.aella\.process`, undefined, [webhook]],
    ["=", "(payouts|pos_settlement)", undefined, [payouts, pos]],
    [undefined, "payouts", undefined, [payouts]],
  ])("queue %s %s %j", async (operator, value, values, expected) => {
    expect(await left([{ key: "queue", operator, value, ...(values && { values }) }])).toEqual(expected);
  });

  it("compares numbers as numbers, however they are sent", async () => {
    expect(await left([{ key: "depth", operator: ">", value: "3" }])).toEqual([payouts, pos]);
    expect(await left([{ key: "depth", operator: "<", value: 10 }])).toEqual([payouts, webhook]);
    expect(await left([{ key: "depth", operator: "=", value: "12" }])).toEqual([pos]);
  });

  it("compares texts as texts where one side is no number, and is never equal to itself", async () => {
    const names = async (operator: string, value: string, key = "queue") => left([{ key, operator, value }]);
    expect(await names("<", "payouts")).toEqual([]);
    expect(await names(">", "payouts")).toEqual([pos, webhook]);
    expect(await names(">", "webhook.aella.process")).toEqual([]);
    expect(await names("<", "12", "depth")).toEqual([payouts, webhook]);
    expect(await names(">", "4", "depth")).toEqual([pos]);
    // "4" and "2" come after "12" as texts; they are before "3x".
    expect(await names("<", "3x", "depth")).toEqual([pos, webhook]);
    // An empty text is no 0.
    const below = parseFilters([{ key: "depth", operator: ">", value: "" }]);
    expect(await filterRows([{ depth: -1 }], below, new Budget("test"))).toHaveLength(1);
  });

  it("holds memory for an expression while it is used, and none for other operators", async () => {
    const budget = new Budget("test");
    const [hold, free] = [vi.spyOn(budget, "hold"), vi.spyOn(budget, "free")];
    await filterRows(rows, parseFilters([{ key: "queue", operator: "=", value: "payouts" }]), budget);
    expect([hold.mock.calls, free.mock.calls]).toEqual([[], []]);
    for (const operator of ["=~", "!~"]) await filterRows(rows, parseFilters([{ key: "queue", operator, value: "p" }]), budget);
    expect(hold.mock.calls).toHaveLength(2);
    expect(free.mock.calls).toEqual(hold.mock.calls);
  });

  it("quotes no more than 80 signs of a word that it does not know", async () => {
    const refuse = async (key: string) => left([{ key, operator: "=", value: "x" }]);
    await expect(refuse("k".repeat(80))).rejects.toThrow(`Unknown filter key "${"k".repeat(80)}"; known`);
    await expect(refuse("k".repeat(81))).rejects.toThrow(`Unknown filter key "${"k".repeat(80)}..."; known`);
  });

  it("takes what is unknown for empty, as a missing label", async () => {
    expect(await left([{ key: "env", operator: "!=", value: "staging" }])).toEqual([pos, webhook]);
    expect(await left([{ key: "env", operator: "=", value: "" }])).toEqual([webhook]);
    expect(await left([{ key: "env", operator: "<", value: "z" }])).toEqual([payouts, pos]);
  });

  it("holds all conditions, and leaves rows alone that have no such column", async () => {
    const both = [
      { key: "queue", operator: "=~", value: "p.*" },
      { key: "env", operator: "=", value: "staging" },
    ];
    expect(await left(both)).toEqual([payouts]);
    expect(await left([{ key: "host", operator: "=", value: "none" }])).toEqual([payouts, pos, webhook]);
  });

  it.each([[undefined], [null], [{}], ["x"], [[null, 1, {}]], [[{ key: "", operator: "=", value: "x" }]]])(
    "takes %j for none",
    async (filters) => {
      expect(await left(filters)).toHaveLength(3);
    },
  );

  it.each([
    [{ key: "queu", operator: "=", value: "x" }, /Unknown filter key "queu"; known: queue, source, /],
    [{ key: "queue", operator: "~", value: "x" }, /Unknown operator "~"; known: = != =~ /],
    [{ key: "queue", operator: "=~", value: "(" }, /"\(" is not a regular expression/],
    [{ key: "queue", operator: "!~", value: "a(?=b)" }, /no look-around/],
    [{ key: "queue", operator: "=~", value: "a".repeat(201) }, /at most 200 characters/],
  ])("refuses %j", async (filter, message) => {
    await expect(left([filter])).rejects.toThrow(message);
  });

  it("is the opposite with the opposite operator", async () => {
    const values = fc.array(fc.constantFrom<string>("payouts", "pos_settlement", "x", "webhook.aella.process"), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(values, async (wanted) => {
        const [yes, no] = [
          await left([{ key: "queue", operator: "=|", value: wanted[0], values: wanted }]),
          await left([{ key: "queue", operator: "!=|", value: wanted[0], values: wanted }]),
        ];
        expect([...yes, ...no].toSorted()).toEqual(rows.map(({ queue }) => queue).toSorted());
        expect(yes.every((queue) => wanted.includes(queue))).toBe(true);
      }),
    );
  });
});
