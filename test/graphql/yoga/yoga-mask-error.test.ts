import { GraphQLError, parse } from "graphql";
import { expect, it, vi } from "vitest";
import { cleanRequestError, createMaskError } from "../../../src/graphql/yoga/yoga.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { silentLogger } from "../../../src/lib/logger.ts";

const nodes = parse("{ queues { name } }").definitions;
const error = vi.fn<(fields: object, message: string) => void>();
const mask = createMaskError({ ...silentLogger, error });
/** As the execution wraps what a field threw. */
const ofField = (originalError: Error, path: readonly string[] = ["queues"]) =>
  new GraphQLError(originalError.message, { nodes, path, originalError });

it.each<[string, unknown, object]>([
  ["an error of ours", ofField(new OpsError("forbidden", "no")), { code: "forbidden", status: 403 }],
  [
    "one with its upstream",
    ofField(new OpsError("queue_locked", "no", { upstream: "queues:jobs" })),
    { code: "queue_locked", status: 503, upstream: "queues:jobs" },
  ],
  [
    "one that says when to try again",
    ofField(new OpsError("overloaded", "no", { headers: { "Retry-After": "2" } })),
    { code: "overloaded", status: 503, retryAfter: 2 },
  ],
  [
    "one with other headers",
    ofField(new OpsError("method_not_allowed", "no", { headers: { Allow: "GET" } })),
    { code: "method_not_allowed", status: 405 },
  ],
])("%s has its code, its message and its position only", (_what, given, extensions) => {
  const masked = mask(given);
  expect([masked.message, masked.path, masked.nodes]).toEqual(["no", ["queues"], nodes]);
  expect(masked.extensions).toStrictEqual(extensions);
  expect(error).not.toHaveBeenCalled();
});

it("an error outside of a field has no position", () => {
  const masked = mask(new OpsError("forbidden", "no"));
  expect([masked.message, masked.path, masked.nodes, masked.extensions]).toEqual([
    "no",
    undefined,
    undefined,
    { code: "forbidden", status: 403 },
  ]);
});

it("any other error is internal, and is logged unchanged", () => {
  const cause = new TypeError("secret");
  const masked = mask(ofField(cause));
  expect([masked.message, masked.extensions]).toEqual(["Internal error", { code: "internal", status: 500 }]);
  expect(error.mock.calls).toEqual([[{ err: cause }, "resolver failed"]]);
  error.mockClear();
});

it("a request error keeps its text, without the request's content", () => {
  const sent = 'Variable "$name" got invalid value "secret"; String cannot represent a non string value: 1';
  const given = new GraphQLError(sent, {
    nodes,
    originalError: new Error(sent),
    extensions: { code: "X", originalError: sent },
  });
  const masked = mask(given);
  expect([masked.message, masked.nodes, masked.path]).toEqual([
    'Variable "$name" has an invalid value.',
    nodes,
    undefined,
  ]);
  expect(masked.extensions).toStrictEqual({ code: "X" });
  expect(mask(new GraphQLError("odd", { nodes, path: ["queues", 0] }))).toMatchObject({
    message: "odd",
    path: ["queues", 0],
  });
  expect(error).not.toHaveBeenCalled();
});

it.each([
  ['Cannot query field "a" on type "Query". Did you mean "b" or "c"?', 'Cannot query field "a" on type "Query".'],
  ["Did you mean a? No.", "Did you mean a? No."],
  [
    'Value "staging" does not exist in "Environment" enum. Did you mean the enum value "STAGING"?',
    'Value "staging" does not exist in "Environment" enum. Enum values are in capitals.',
  ],
  [
    'Variable "$env" got invalid value "staging"; Value "staging" does not exist in "Environment" enum.',
    'Variable "$env" has an invalid value. Enum values are in capitals.',
  ],
  ['Value "NONE" does not exist in "Environment" enum.', 'Value "NONE" does not exist in "Environment" enum.'],
  ['x Variable "$a" got invalid value 1', 'x Variable "$a" got invalid value 1'],
  ['Variable "$a" is not defined.', 'Variable "$a" is not defined.'],
])("the text %s becomes %s", (text, cleaned) => {
  expect(cleanRequestError(new GraphQLError(text)).message).toBe(cleaned);
});

it.each([
  [{ code: "BAD_REQUEST" }, { code: "BAD_REQUEST", http: { status: 400, spec: false } }],
  [
    { code: "BAD_REQUEST", http: { status: 415, spec: true, headers: {} } },
    { code: "BAD_REQUEST", http: { status: 415, spec: false, headers: {} } },
  ],
  [
    { code: "OTHER", http: { spec: true } },
    { code: "OTHER", http: { spec: true } },
  ],
])("the extensions %j become %j", (extensions, cleaned) => {
  expect(cleanRequestError(new GraphQLError("x", { extensions })).extensions).toStrictEqual(cleaned);
});
