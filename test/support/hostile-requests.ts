import * as fc from "fast-check";
import {
  getNamedType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLSchema,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
} from "graphql";
import { dimensions } from "../../src/grafana/filters.ts";
import { metrics } from "../../src/grafana/metrics.ts";

/** Expressions that take long, or much memory; and some that are refused. */
const slow = ["(a?){38}a{38}", "\\w{1,95}\\d", "(.*a.{180})*b", "[a-q][^u-z]{180}x", "(\\b.{0,90}\\B)x", ".*", "job"];
const expressions = [...slow, ...slow, "(", "\\w{1,900}"];

/** A choice of a generator that fast-check repeats and shrinks. */
type Choose = (most: number) => number;

function pick<T>(choose: Choose, values: readonly T[]): T {
  return values[choose(values.length)] as T;
}

function ago(choose: Choose): string {
  return new Date(Date.now() - pick(choose, [0, 600, 3600, 10_000, 86_400, 700_000]) * 1000).toISOString();
}

/** Values of an attacker, by the name of an argument. */
const byName: Readonly<Record<string, (choose: Choose, type: string) => unknown>> = {
  tail: (choose) => pick(choose, [1, 100, 200, 1000, 5000, 0]),
  first: (choose) => pick(choose, [1, 10, 50, 100, 500]),
  step: (choose) => pick(choose, [1, 5, 60, 3600]),
  maxPoints: (choose) => pick(choose, [10, 500, 11_000]),
  from: (choose, type) => (type === "DateTime" ? ago(choose) : pick(choose, ["3h", "10m", "7d", "1h"])),
  to: (choose, type) => (type === "DateTime" ? new Date().toISOString() : "0s"),
  name: (choose) => `web-${choose(60)}`,
  role: (choose) => pick(choose, ["web", "worker", "none"]),
  searchRegex: (choose) => pick(choose, expressions),
  search: (choose) => pick(choose, ["job", "nothing"]),
  engine: () => "local",
  includeAccessories: (choose) => choose(2) === 0,
};

function toValue(type: GraphQLInputType, name: string, choose: Choose): string | null {
  const named = getNamedType(type);
  const known = byName[name]?.(choose, named.name);
  if (isEnumType(named)) {
    const value = pick(choose, named.getValues()).name;
    return isListType(isNonNullType(type) ? type.ofType : type) ? `[${value}]` : value;
  }
  return known === undefined ? null : JSON.stringify(known);
}

function toArguments(args: readonly GraphQLArgument[], choose: Choose): string {
  const given = args.flatMap((arg) => {
    if (!isRequiredArgument(arg) && choose(3) > 0) return [];
    const value = toValue(arg.type, arg.name, choose);
    return value === null ? [] : `${arg.name}: ${value}`;
  });
  return given.length > 0 ? `(${given.join(", ")})` : "";
}

/** A document of the schema, seldom beyond its limits; `choose` decides everything. */
function makeDocument(schema: GraphQLSchema, choose: Choose): string {
  let aliases = 0;
  const fields = { left: 100 };
  const toField = (field: GraphQLField<unknown, unknown>, depth: number): string => {
    fields.left -= 1;
    const type = getNamedType(field.type);
    const inner = isObjectType(type) ? toSelection(type, depth + 1) : "";
    const alias = aliases < 15 && choose(3) === 0 ? `a${(aliases += 1)}: ` : "";
    return isObjectType(type) && inner === "" ? "" : `${alias}${field.name}${toArguments(field.args, choose)}${inner}`;
  };
  const toSelection = (type: GraphQLObjectType, depth: number): string => {
    const own = Object.values(type.getFields()).filter((field) => depth < 7 || !isObjectType(getNamedType(field.type)));
    const lists = own.filter((field) => isListType(isNonNullType(field.type) ? field.type.ofType : field.type));
    const selected = new Map<string, string>();
    for (let count = 1 + choose(6); count > 0 && fields.left > 0; count -= 1) {
      // Lists are what costs.
      const field = pick(choose, lists.length > 0 && choose(2) === 0 ? lists : own);
      const text = toField(field, depth);
      // Two selections of a field without an alias would have to be the same.
      if (text !== "") selected.set(/^a\d+: /.test(text) ? text : field.name, text);
    }
    return selected.size > 0 ? ` { ${[...selected.values()].join(" ")} }` : "";
  };
  return toSelection(schema.getQueryType() as GraphQLObjectType, 0).trim() || "{ __typename }";
}

/** Any document, by numbers that are drawn one after the other. */
export function documents(schema: GraphQLSchema): fc.Arbitrary<string> {
  return fc.infiniteStream(fc.nat(10_000)).map((numbers) => {
    const next = numbers[Symbol.iterator]();
    return makeDocument(schema, (most) => Number(next.next().value) % most);
  });
}

const names = fc.oneof(
  fc.constantFrom("queue-1", "host-2", "web-3", "$__all", "(a|b)", ""),
  fc.array(fc.constantFrom("queue-1", "web-1", "host-1", "staging"), { maxLength: 5 }),
  fc.jsonValue({ maxDepth: 2 }),
);
const target = fc.record(
  {
    refId: fc.constantFrom("A", "B"),
    target: fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(...metrics.map(({ name }) => name)) },
      { weight: 1, arbitrary: names },
    ),
    payload: fc.dictionary(
      fc.constantFrom("queue", "source", "env", "role", "host", "container", "engine", "kind", "accessories", "step"),
      fc.oneof(names, fc.constantFrom("1", "60", "true")),
      {
        maxKeys: 3,
      },
    ),
    hide: fc.boolean(),
  },
  { requiredKeys: ["target"] },
);
const filter = fc.record({
  key: fc.oneof(
    { weight: 99, arbitrary: fc.constantFrom(...dimensions.map(({ name }) => name)) },
    { weight: 1, arbitrary: fc.constant("nothing") },
  ),
  operator: fc.constantFrom("=", "!=", "=~", "!~", "<", ">", "=|", "!=|"),
  value: fc.oneof(
    { weight: 30, arbitrary: fc.constantFrom(...slow) },
    { weight: 1, arbitrary: fc.constantFrom(...expressions) },
    { weight: 3, arbitrary: names },
  ),
});
const nested = fc.integer({ min: 1, max: 100_000 }).map((depth) => `${"[".repeat(depth)}${"]".repeat(depth)}`);
/** Values of any shape for the parts that the handler reads. */
const holes = [
  "targets",
  "filters",
  "adhocFilters",
  "range",
  "payload",
  "metric",
  "name",
  "maxDataPoints",
  "intervalMs",
  "target",
  "key",
];

/**
 * Any POST to the datasource: mostly a query as Grafana sends it, with more than a person would
 * ask.
 */
export const grafanaPosts: fc.Arbitrary<{ readonly path: string; readonly body: string }> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .record({
        targets: fc.array(target, { maxLength: 20 }),
        filters: fc.oneof(
          { weight: 5, arbitrary: fc.array(filter, { maxLength: 20 }) },
          { weight: 1, arbitrary: fc.array(filter, { minLength: 21, maxLength: 200 }) },
        ),
        hours: fc.constantFrom(0.2, 1, 3, 24, 700),
        maxDataPoints: fc.constantFrom(10, 500, 1440, 11_000),
      })
      .map(({ hours, ...query }) => ({
        path: "/grafana/query",
        body: JSON.stringify({
          ...query,
          range: { from: new Date(Date.now() - hours * 3_600_000).toISOString(), to: new Date().toISOString() },
        }),
      })),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      path: fc.constantFrom(
        "/grafana/query",
        "/grafana/variable",
        "/grafana/tag-values",
        "/grafana/metric-payload-options",
      ),
      body: fc.oneof(
        fc.json({ maxDepth: 6 }),
        fc
          .tuple(fc.constantFrom(...holes), nested)
          .map(([hole, deep]) => `{"target":"queue","name":"queue","key":"queue","${hole}":${deep}}`),
        fc
          .tuple(fc.constantFrom(...holes), nested)
          .map(([hole, deep]) => `{"targets":[{"target":"queues","${hole}":${deep}}]}`),
      ),
    }),
  },
);
