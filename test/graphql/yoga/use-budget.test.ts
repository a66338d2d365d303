import { type ExecutionResult, GraphQLError, parse } from "graphql";
import { describe, expect, it, onTestFinished } from "vitest";
import { toStrict } from "../../../src/graphql/yoga/strict.ts";
import { createDocuments, toParserCache, toRefusal, useBudget } from "../../../src/graphql/yoga/use-budget.ts";
import { Budget } from "../../../src/lib/budget/budget.ts";
import { OpsError } from "../../../src/lib/errors.ts";

const toRequest = (headers: Record<string, string> = {}, search = "") =>
  new Request(`http://localhost/graphql${search}`, { headers });
function createBudget(bytes = 1000) {
  const budget = new Budget("test", { rows: 10, bytes, timeMs: 1000 });
  onTestFinished(() => budget.end());
  return budget;
}
const inContext = (budget: Budget) => ({ caller: { budget } });

describe("a refusal", () => {
  it.each<[unknown, object]>([
    [new OpsError("query_timeout", "m"), { code: "query_timeout", status: 504, http: { spec: true, status: 504 } }],
    [
      new OpsError("overloaded", "m", { headers: { "Retry-After": "2" } }),
      {
        code: "overloaded",
        status: 503,
        retryAfter: 2,
        http: { spec: true, status: 503, headers: { "retry-after": "2" } },
      },
    ],
    [
      new OpsError("overloaded", "m", { headers: { "Retry-After": "0" } }),
      { code: "overloaded", status: 503, http: { spec: true, status: 503 } },
    ],
    [
      new OpsError("method_not_allowed", "m", { headers: { Allow: "GET" } }),
      { code: "method_not_allowed", status: 405, http: { spec: true, status: 405 } },
    ],
    [new Error("secret"), { code: "internal", status: 500, http: { spec: true, status: 500 } }],
  ])("of %s is an error of the whole request", (error, extensions) => {
    const { errors = [], ...rest } = toRefusal(error);
    expect(rest).toEqual({});
    expect(errors.map(({ extensions: own }) => own)).toStrictEqual([extensions]);
    expect(errors[0]?.message).toBe(error instanceof OpsError ? "m" : "Internal error");
  });
});

describe("the cache of documents", () => {
  const document = parse("{ a }");
  it("holds 100,000 characters of text, the last used longest", () => {
    const { documentCache } = toParserCache(createDocuments());
    const [first, second] = ["a".repeat(50_000), "b".repeat(50_000)];
    documentCache.set(first, document);
    documentCache.set(second, document);
    expect([documentCache.get(first), documentCache.get(second)]).toEqual([document, document]);
    documentCache.get(first);
    documentCache.set("c", document);
    expect([first, second, "c"].map((text) => documentCache.get(text) === document)).toEqual([true, false, true]);
    documentCache.set("d".repeat(100_001), document);
    expect(documentCache.get("d".repeat(100_001))).toBeUndefined();
  });

  it("holds an empty text, and neither errors nor verdicts", () => {
    const { documentCache, errorCache, validationCache } = toParserCache(createDocuments());
    documentCache.set("", document);
    expect(documentCache.get("")).toBe(document);
    errorCache.set();
    expect([errorCache.get(), validationCache]).toEqual([undefined, false]);
  });
});

describe("the budget of a request", () => {
  const plugin = useBudget();
  const begin = async (budget: Budget, request = toRequest()) => {
    const results: ExecutionResult[] = [];
    const setResult = (result: ExecutionResult) => void results.push(result);
    await plugin.onParams?.({ context: inContext(budget), request, setResult } as never);
    return results;
  };

  it("that is over refuses the request before it is read", async () => {
    const budget = createBudget();
    expect(await begin(budget)).toEqual([]);
    budget.check(Number.POSITIVE_INFINITY);
    const [refused] = await begin(budget);
    expect(refused?.errors?.map(({ extensions }) => extensions)).toMatchObject([
      { code: "query_timeout", http: { spec: true } },
    ]);
    const [strict] = await begin(budget, toRequest({ "x-ops-strict": "1" }));
    expect(strict?.errors?.map(({ extensions }) => extensions)).toMatchObject([
      { code: "query_timeout", http: { spec: false, status: 504 } },
    ]);
  });

  const run = async (budget: Budget, execute: () => ExecutionResult | Promise<ExecutionResult>) => {
    const extended: object[] = [];
    let chosen: (given: object) => Promise<ExecutionResult> = async () => ({});
    void plugin.onExecute?.({
      args: { contextValue: inContext(budget) },
      executeFn: execute,
      setExecuteFn: (fn: typeof chosen) => void (chosen = fn),
      extendContext: (more: object) => void extended.push(more),
    } as never);
    expect(extended).toEqual([{ inParts: true }]);
    return chosen({});
  };
  const errors = (count: number) => Array.from({ length: count }, (_, index) => new GraphQLError(`e${index}`));

  it.each([
    [0, 0],
    [1, 1],
    [100, 100],
    [101, 100],
  ])("has %i errors of an answer as %i", async (count, most) => {
    const given = { data: { a: 1 }, ...(count > 0 && { errors: errors(count) }) };
    const answer = await run(createBudget(), () => given);
    expect(answer).toEqual({ data: { a: 1 }, ...(count > 0 && { errors: given.errors?.slice(0, most) }) });
    expect(answer === given).toBe(count === most);
  });

  it("that ends while the answer is made is the whole answer", async () => {
    const budget = createBudget();
    const answer = run(budget, () => new Promise(() => {}));
    budget.check(Number.POSITIVE_INFINITY);
    const { data, errors: told } = await answer;
    expect([data, told?.map(({ extensions }) => extensions["code"])]).toEqual([undefined, ["query_timeout"]]);
    const failure = new Error("odd");
    await expect(run(createBudget(), () => Promise.reject(failure))).rejects.toBe(failure);
  });

  const finish = async (result: ExecutionResult, bytes = 1000, request = toRequest()) => {
    const set: (ExecutionResult & { stringify?: (cleaned: ExecutionResult) => string })[] = [];
    const setResult = (one: (typeof set)[number]) => void set.push(one);
    await plugin.onResultProcess?.({
      result,
      request,
      serverContext: inContext(createBudget(bytes)),
      setResult,
    } as never);
    return set;
  };

  it("writes the data once, with the final extensions", async () => {
    const [answer] = await finish({ data: { a: [1, "x"] } });
    expect(answer?.stringify?.({ data: { other: 1 } })).toBe('{"data":{"a":[1,"x"]}}');
    const cleaned = { data: null, errors: [new GraphQLError("e")], extensions: { x: 1 } };
    expect(answer?.stringify?.(cleaned)).toBe('{"data":{"a":[1,"x"]},"errors":[{"message":"e"}],"extensions":{"x":1}}');
    const [empty] = await finish({ data: null, errors: errors(1) });
    expect(empty?.stringify?.({ errors: errors(1) })).toBe('{"data":null,"errors":[{"message":"e0"}]}');
    expect(empty?.errors).toHaveLength(1);
  });

  it("leaves an answer without data unchanged", async () => {
    expect(await finish({ errors: errors(1) })).toEqual([]);
    expect(await finish({ errors: errors(1), data: undefined } as never)).toEqual([]);
  });

  it("refuses an answer that is too large", async () => {
    const data = { a: "x".repeat(100) };
    const [refused] = await finish({ data }, 50);
    expect([refused?.data, refused?.stringify]).toEqual([undefined, undefined]);
    expect(refused?.errors?.map(({ extensions }) => extensions)).toMatchObject([
      { code: "answer_too_large", http: { spec: true } },
    ]);
    const [strict] = await finish({ data }, 50, toRequest({}, "?strict=1"));
    expect(strict?.errors?.map(({ extensions }) => extensions)).toMatchObject([{ http: { spec: false, status: 422 } }]);
  });
});

describe("the status for a strict client", () => {
  const strict = toRequest({ "x-ops-strict": "1" });
  const error = (message: string, extensions: object = {}) =>
    new GraphQLError(message, { path: ["p"], extensions: { ...extensions } });
  const statuses = (errors: readonly GraphQLError[], request = strict) =>
    toStrict({ errors }, request).errors?.map(({ extensions }) => extensions.http);

  it.each<[string, GraphQLError[], (object | undefined)[]]>([
    ["its own", [error("a", { status: 404 })], [{ status: 404, spec: false }]],
    ["that of HTTP", [error("a", { http: { status: 405 } })], [{ status: 405, spec: false }]],
    ["400 without one", [error("a")], [{ status: 400, spec: false }]],
    ["400 with other HTTP facts", [error("a", { http: { headers: {} } })], [{ status: 400, spec: false }]],
    [
      "one, where two have it",
      [error("a", { status: 404 }), error("b", { status: 404 })],
      [{ status: 404, spec: false }, undefined],
    ],
    [
      "the highest",
      [error("a", { status: 403 }), error("b", { status: 404 })],
      [undefined, { status: 404, spec: false }],
    ],
    [
      "the highest, if it occurred first",
      [error("a", { status: 404 }), error("b", { status: 403 })],
      [{ status: 404, spec: false }, undefined],
    ],
    [
      "that of the gateway first",
      [error("a", { status: 404 }), error("b", { status: 503 }), error("c", { status: 502 })],
      [undefined, { status: 503, spec: false }, undefined],
    ],
    [
      "with when to try again",
      [error("a", { status: 429, retryAfter: 7 })],
      [{ status: 429, spec: false, headers: { "retry-after": "7" } }],
    ],
    ["without what is no number", [error("a", { status: 429, retryAfter: "7" })], [{ status: 429, spec: false }]],
  ])("is %s", (_what, errors, expected) => {
    expect(statuses(errors)).toEqual(expected);
  });

  it("leaves message, path and other extensions unchanged", () => {
    const [told] = toStrict({ errors: [error("a", { status: 404, code: "not_found" })] }, strict).errors ?? [];
    expect(told?.toJSON()).toEqual({
      message: "a",
      path: ["p"],
      extensions: { status: 404, code: "not_found", http: { status: 404, spec: false } },
    });
  });

  it.each([
    [{ "x-ops-strict": "1" }, "", true],
    [{ "x-ops-strict": "0" }, "", false],
    [{ "x-ops-strict": "11" }, "", false],
    [{}, "?strict=1", true],
    [{}, "?a=b&strict=1&c=d", true],
    [{}, "?strict=10", false],
    [{}, "?unstrict=1", false],
    [{}, "?strict=0", false],
    [{}, "", false],
  ])("is requested by %j and %j: %j", (headers, search, isStrict) => {
    const result = { errors: [error("a", { status: 404 })] };
    expect(toStrict(result, toRequest(headers as Record<string, string>, search)) !== result).toBe(isStrict);
  });

  it("is not changed without errors", () => {
    for (const result of [{}, { errors: [] }]) expect(toStrict(result, strict)).toBe(result);
  });
});
