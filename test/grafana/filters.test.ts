import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { filterRows, parseFilters } from "../../src/grafana/filters.ts";
import { Budget } from "../../src/lib/budget/budget.ts";

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
    ["=~", ".*", undefined, [payouts, pos, webhook]],
    ["!~", ".*", undefined, []],
    ["=~", "(payouts|pos_settlement)", undefined, [payouts, pos]],
    ["!~", "(payouts|pos_settlement)", undefined, [webhook]],
    ["!~", String.raw`webhook\.aella\.process`, undefined, [payouts, pos]],
    ["=", "payouts", ["pos_settlement"], [payouts]],
    ["!=", "payouts", ["pos_settlement"], [pos, webhook]],
    ["=|", "payouts", "pos_settlement", [payouts]],
    ["=|", "payouts", [], [payouts, pos, webhook]],
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

  it("compare numbers as numbers, whatever their type", async () => {
    expect(await left([{ key: "depth", operator: ">", value: "3" }])).toEqual([payouts, pos]);
    expect(await left([{ key: "depth", operator: "<", value: 10 }])).toEqual([payouts, webhook]);
    expect(await left([{ key: "depth", operator: "=", value: "12" }])).toEqual([pos]);
  });

  it("compare texts as texts when one side is not a number", async () => {
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

  it("reserve memory for expressions only, while they run", async () => {
    const budget = new Budget("test");
    const [hold, free] = [vi.spyOn(budget, "hold"), vi.spyOn(budget, "free")];
    await filterRows(rows, parseFilters([{ key: "queue", operator: "=", value: "payouts" }]), budget);
    expect([hold.mock.calls, free.mock.calls]).toEqual([[], []]);
    for (const operator of ["=~", "!~"])
      await filterRows(rows, parseFilters([{ key: "queue", operator, value: "p" }]), budget);
    expect(hold.mock.calls).toHaveLength(2);
    expect(free.mock.calls).toEqual(hold.mock.calls);
  });

  it("quote at most 80 characters of an unknown word", async () => {
    const refuse = async (key: string) => left([{ key, operator: "=", value: "x" }]);
    await expect(refuse("k".repeat(80))).rejects.toThrow(`Unknown filter key "${"k".repeat(80)}"; known`);
    await expect(refuse("k".repeat(81))).rejects.toThrow(`Unknown filter key "${"k".repeat(80)}..."; known`);
  });

  it("treat unknown columns as empty, like missing labels", async () => {
    expect(await left([{ key: "env", operator: "!=", value: "staging" }])).toEqual([pos, webhook]);
    expect(await left([{ key: "env", operator: "=", value: "" }])).toEqual([webhook]);
    expect(await left([{ key: "env", operator: "<", value: "z" }])).toEqual([payouts, pos]);
  });

  it("all apply, except to rows without such a column", async () => {
    const both = [
      { key: "queue", operator: "=~", value: "p.*" },
      { key: "env", operator: "=", value: "staging" },
    ];
    expect(await left(both)).toEqual([payouts]);
    expect(await left([{ key: "host", operator: "=", value: "none" }])).toEqual([payouts, pos, webhook]);
  });

  it.each([[undefined], [null], [{}], ["x"], [[null, 1, {}]], [[{ key: "", operator: "=", value: "x" }]]])(
    "take %j for no filter",
    async (filters) => {
      expect(await left(filters)).toHaveLength(3);
    },
  );

  it.each([
    [{ key: "queu", operator: "=", value: "x" }, /Unknown filter key "queu"; known: queue, source, /],
    [{ key: "queue", operator: "~", value: "x" }, /Unknown operator "~"; known: = != =~ /],
    [{ key: "queue", operator: "=~", value: "(" }, /"\(" is not an RE2 regular expression/],
    [{ key: "queue", operator: "!~", value: "a(?=b)" }, /no look-around/],
    [{ key: "queue", operator: "=~", value: "a".repeat(201) }, /at most 200 characters/],
  ])("refuse %j", async (filter, message) => {
    await expect(left([filter])).rejects.toThrow(message);
  });

  it("compare flags and numbers as texts, and other values as empty", async () => {
    const cells = [true, false, 0, 12, "", null, undefined, {}, ["x"]];
    const accepted = async (operator: string, value: unknown) => {
      const conditions = parseFilters([{ key: "state", operator, value }]);
      const found = await filterRows(
        cells.map((state) => ({ state })),
        conditions,
        new Budget("test"),
      );
      return found.map(({ state }) => state);
    };
    const [, , , , ...empty] = cells;
    expect(await accepted("=", "true")).toEqual([true]);
    expect(await accepted("=", false)).toEqual([false]);
    expect(await accepted("=", 0)).toEqual([0]);
    expect(await accepted("=~", 12)).toEqual([12]);
    expect(await accepted("=~", true)).toEqual([true]);
    expect(await accepted("=~", undefined)).toEqual(empty);
    expect(await accepted("!~", "")).toEqual([true, false, 0, 12]);
    expect(await accepted("=", "")).toEqual(empty);
    expect(await accepted(">", "7")).toEqual([true, false, 12]);
    expect(await accepted("<", "7")).toEqual([0]);
  });

  it("take turns and end with the budget", async () => {
    const turns: string[] = [];
    const budget = new Budget("test");
    vi.spyOn(budget, "turn").mockImplementation(() => Promise.resolve().then(() => void turns.push("waited")));
    const doubled = [...rows, ...rows];
    expect(
      await filterRows(doubled, parseFilters([{ key: "queue", operator: "=~", value: "p.*" }]), budget),
    ).toHaveLength(4);
    expect(turns).toHaveLength(doubled.length);
    const gone = new Error("gone");
    vi.spyOn(budget, "turn").mockReturnValue(Promise.reject(gone));
    await expect(filterRows(rows, parseFilters([{ key: "queue", operator: "=", value: "x" }]), budget)).rejects.toBe(
      gone,
    );
  });

  it.each([
    [{ key: "queue", operator: "~", value: "x" }, 'Unknown operator "~"; known: = != =~ !~ < > =| !=|'],
    [{ key: "queue", operator: 7, value: "x" }, 'Unknown operator "7"; known: = != =~ !~ < > =| !=|'],
    [
      { key: "queu", value: "x" },
      'Unknown filter key "queu"; known: queue, source, state, env, role, destination, container, engine, health, status, version, host, kind, depth, count, restarts',
    ],
  ])("refuse %j with what is known", async (filter, message) => {
    await expect(left([filter])).rejects.toMatchObject({ code: "invalid_request", message });
  });

  it("are at most 20", () => {
    const many = (count: number) => Array.from({ length: count }, () => ({ key: "queue", operator: "=", value: "x" }));
    expect(parseFilters(many(20))).toHaveLength(20);
    expect(() => parseFilters(many(21))).toThrow(
      expect.objectContaining({
        code: "invalid_request",
        message: "At most 20 filters, including those of the payload",
      }),
    );
  });

  it("with the opposite operator match the opposite rows", async () => {
    const values = fc.array(fc.constantFrom<string>("payouts", "pos_settlement", "x", "webhook.aella.process"), {
      minLength: 1,
    });
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
