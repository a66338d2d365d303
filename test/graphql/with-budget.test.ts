import { setImmediate } from "node:timers/promises";
import { execute as executeWithTools } from "@graphql-tools/executor";
import * as fc from "fast-check";
import { buildSchema, execute, isObjectType, parse } from "graphql";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { withBudget } from "../../src/graphql/with-budget.ts";
import { Budget } from "../../src/lib/budget/budget.ts";

const sdl = `
  type Row { a: Int b: Int c: Int d: Int e: Int f: Int g: Int h: Int i: Int
    child: Row children: [Row!]! names: [Int!]! }
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

describe("counts and refusals do not depend on earlier executions", () => {
  const leaf = fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h", "i");
  const condition = fc.constantFrom("", "", "@skip(if: $yes)", "@include(if: $yes)", "@include(if: true)");
  const aliased = fc.tuple(fc.constantFrom("", "x: ", "y: "), leaf, condition).map((parts) => parts.join(" "));
  const fields = fc.array(fc.oneof(aliased, fc.constant("child { a b }")), { minLength: 1, maxLength: 24 });
  const rows = fc
    .tuple(fields, fields, fc.boolean())
    .map(([own, inner, isNested]) => `{ ${own.join(" ")} ${isNested ? `children { ${inner.join(" ")} }` : ""} }`);
  const list = fc.tuple(fc.constantFrom("rows", "later"), rows).map((parts) => parts.join(" "));
  const fragments = fc.array(list, { minLength: 3, maxLength: 3 });
  const spreads = fc.uniqueArray(fc.constantFrom("...A", "...B", "...C"), { minLength: 1 });
  const operation = fc.tuple(spreads, fc.boolean()).map(([used, yes]) => ({ text: used.join(" "), yes }));
  // Here one answer may return different values for a field: only the counts matter.
  const toDocument = (parts: readonly string[], first: { text: string }, second: { text: string }) =>
    parse(
      [
        `query X($yes: Boolean! = true) { ${first.text} }`,
        `query Y($yes: Boolean! = true) { ${second.text} }`,
        ...parts.map((part, index) => `fragment ${"ABC"[index]} on Query { ${part} }`),
      ].join(" "),
    );

  it.each([
    ["graphql-js", execute],
    ["the executor of Yoga", executeWithTools],
  ])("of %s", async (_, executeWith) => {
    const ask = async (
      schema: ReturnType<typeof withBudget>,
      document: ReturnType<typeof toDocument>,
      operationName: string,
      yes: boolean,
    ) => {
      const budget = new Budget("someone", { rows: 40, bytes: 1000, timeMs: 60_000 });
      const counted = vi.spyOn(budget, "rows");
      // The order of counting, and so of refusals, must not depend on the clock.
      vi.spyOn(budget, "turn").mockReturnValue(null);
      const found = toRows(7);
      const rootValue = { rows: found, later: async () => found };
      const contextValue = { budget, inParts: false };
      const result = await executeWith({
        schema,
        document,
        operationName,
        rootValue,
        contextValue,
        variableValues: { yes },
      });
      budget.end();
      return { counts: counted.mock.calls.flat(), result: JSON.parse(JSON.stringify(result)) };
    };
    await fc.assert(
      fc.asyncProperty(fragments, operation, operation, async (parts, first, second) => {
        const direct = await ask(withBudget(buildSchema(sdl)), toDocument(parts, first, second), "Y", second.yes);
        const [schema, document] = [withBudget(buildSchema(sdl)), toDocument(parts, first, second)];
        await ask(schema, document, "X", first.yes);
        expect(await ask(schema, document, "Y", second.yes)).toEqual(direct);
      }),
      { numRuns: 150, seed: 35 },
    );
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

  /** The list as the execution receives it, and the number of turns taken. */
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
    await setImmediate();
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

describe("fields of thousands of rows that wait for one read", () => {
  it.each(["fails", "answers"])("continue in turns when it %s", async (outcome) => {
    const reading = Promise.withResolvers<number>();
    const schema = buildSchema(sdl);
    const field = schema.getType("Row");
    if (!isObjectType(field)) throw new Error("There is no Row");
    let begun = 0;
    // The one that reads: an async function.
    const a = field.getFields()["a"];
    if (a) a.resolve = async () => ((begun += 1), reading.promise);
    withBudget(schema);
    const budget = new Budget("someone");
    const contextValue = { budget, inParts: false };
    const document = parse("{ rows { a } }");
    const answer = execute({ schema, document, rootValue: { rows: toRows(5000) }, contextValue });
    await vi.waitFor(() => expect(begun).toBe(5000));
    // The slice in which the execution began is over.
    await setImmediate();
    // Each read of the clock takes 0.05 ms, on every machine.
    let now = performance.now();
    const clock = vi.spyOn(performance, "now").mockImplementation(() => (now += 0.05));
    onTestFinished(() => clock.mockRestore());
    let rounds = 0;
    let isOver = false;
    const count = () => {
      rounds += 1;
      if (!isOver) void setImmediate().then(count);
    };
    if (outcome === "fails") reading.reject(new Error("late"));
    else reading.resolve(7);
    count();
    const { errors = [] } = await answer;
    isOver = true;
    budget.end();
    expect(errors).toHaveLength(outcome === "fails" ? 5000 : 0);
    // A slice of 4 ms is 80 rows.
    expect(rounds).toBeGreaterThan(5000 / 80 / 2);
  });
});
