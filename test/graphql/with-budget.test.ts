import { buildSchema, execute, parse } from "graphql";
import { describe, expect, it, vi } from "vitest";
import { withBudget } from "../../src/graphql/with-budget.ts";
import type { Budget } from "../../src/lib/budget/budget.ts";

const sdl = `
  type Row { a: Int b: Int c: Int d: Int e: Int f: Int g: Int h: Int i: Int child: Row children: [Row!]! names: [Int!]! }
  type Query { rows: [Row!]! later: [Row] one: Row names: [Int!] none: [Row] empty: [Row!]! nested: [[Row!]!] }
  type Mutation { act: [Row!]! plain: Int }
`;
const toRows = (count: number) => Array.from({ length: count }, (_, a) => ({ a, children: [{ a }], child: { a } }));

async function run(source: string) {
  const budget = {
    rows: vi.fn<Budget["rows"]>(),
    turn: vi.fn<Budget["turn"]>(() => null),
    liftDeadline: vi.fn<Budget["liftDeadline"]>(),
  };
  const rows = toRows(3);
  const rootValue = {
    rows,
    later: async () => rows,
    one: { names: [1, 2], children: rows },
    names: [1, 2],
    none: null,
    empty: [],
    nested: [rows, rows],
    act: () => rows,
    plain: () => budget.liftDeadline.mock.calls.length,
  };
  const contextValue = { budget, inParts: false };
  const result = await execute({
    schema: withBudget(buildSchema(sdl)),
    document: parse(source),
    rootValue,
    contextValue,
  });
  return { result: JSON.parse(JSON.stringify(result)), counted: budget.rows.mock.calls.flat(), budget };
}

describe("rows of lists are counted before they are completed", () => {
  const eight = "a b c d e f g h";
  it.each<[string, number[]]>([
    ["{ rows { a } }", [3]],
    [`{ rows { ${eight} } }`, [3]],
    [`{ rows { ${eight} i } }`, [6]],
    [`{ rows { ${eight} ${eight} i } }`, [9]],
    ["{ later { a } }", [3]],
    ["{ nested { a } }", [2]],
    ["{ one { names } names none { a } empty { a } __typename }", []],
    ["{ one { children { a } } }", [3]],
    ["{ rows { a children { a } } }", [3, 1, 1, 1]],
    ["{ rows { child { a b c d e f g } } }", [3]],
    ["{ rows { child { a b c d e f g h } } }", [6]],
    [`{ rows { ... on Row { ${eight} } ... { i } } }`, [6]],
    [`{ rows { ...F i } } fragment F on Row { ${eight} }`, [6]],
    [`{ rows { ...F } } fragment F on Row { ${eight} }`, [3]],
    [`{ rows { ${eight} } rows { i } }`, [6]],
    [`{ x: rows { ${eight} i } y: rows { a } }`, [6, 3]],
    ["{ __schema { types { name } } }", []],
  ])("of %s as %j", async (source, expected) => {
    const { result, counted, budget } = await run(source);
    expect(result.errors).toBeUndefined();
    expect(counted).toEqual(expected);
    expect(budget.turn).toHaveBeenCalledTimes(expected.length);
    expect(budget.liftDeadline).not.toHaveBeenCalled();
  });

  it("beyond the budget are an error of the field before a row is taken", async () => {
    const budget = {
      rows: () => {
        throw new Error("too many");
      },
      turn: () => null,
    };
    const a = vi.fn<() => number>(() => 1);
    const schema = withBudget(buildSchema(sdl));
    const contextValue = { budget, inParts: false };
    const { errors } = await execute({
      schema,
      document: parse("{ rows { a } }"),
      rootValue: { rows: [{ a }] },
      contextValue,
    });
    expect(errors?.map(({ message }) => message)).toEqual(["too many"]);
    expect(a).not.toHaveBeenCalled();
  });
});

describe("long lists", () => {
  const field = withBudget(buildSchema(sdl)).getQueryType()?.getFields()["rows"];
  const info = {
    fieldNodes: parse("{ rows { a } }").definitions.flatMap((one) =>
      "selectionSet" in one ? one.selectionSet.selections : [],
    ),
    fragments: {},
    fieldName: "rows",
  };

  /** The list as the execution gets it, and how many turns were taken. */
  function take(count: number, inParts: boolean, toTurn: (asked: number) => Promise<void> | null = () => null) {
    const rows = toRows(count);
    let asked = 0;
    const turn = vi.fn<Budget["turn"]>(() => toTurn(++asked));
    const budget = { rows: () => {}, turn };
    const list: unknown = field?.resolve?.({ rows }, {}, { budget, inParts }, info as never);
    return { rows, list, turn };
  }

  it.each([
    [200, true],
    [201, false],
  ])("of %i rows, in parts (%j), are the list itself", (count, inParts) => {
    const { rows, list, turn } = take(count, inParts);
    expect(list).toBe(rows);
    expect(turn).toHaveBeenCalledTimes(1);
  });

  it("of 201 rows come one by one, each at its turn", async () => {
    const wait = Promise.withResolvers<void>();
    const { rows, list, turn } = take(201, true, (asked) => (asked === 100 ? wait.promise : null));
    const taken: unknown[] = [];
    const all = (async () => {
      for await (const row of list as AsyncIterable<unknown>) taken.push(row);
    })();
    await vi.waitFor(() => expect(turn).toHaveBeenCalledTimes(100));
    await new Promise((resolve) => setImmediate(resolve));
    expect(taken).toEqual(rows.slice(0, 98));
    wait.resolve();
    await all;
    expect(taken).toEqual(rows);
    expect(turn).toHaveBeenCalledTimes(202);
  });

  it.each([1, 201])("of %i rows wait for the turns of others first", async (count) => {
    const wait = Promise.withResolvers<void>();
    const { rows, list } = take(count, false, () => wait.promise);
    expect(await Promise.race([list, Promise.resolve("waits")])).toBe("waits");
    wait.resolve();
    expect(await list).toBe(rows);
  });
});

it("mutations have no deadline, and their lists are not counted", async () => {
  const { result, counted, budget } = await run("mutation { act { a } plain }");
  expect(result.data).toEqual({ act: [{ a: 0 }, { a: 1 }, { a: 2 }], plain: 2 });
  expect([counted, budget.liftDeadline.mock.calls.length]).toEqual([[], 2]);
});
