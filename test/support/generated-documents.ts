import { complexityFromQuery } from "@pothos/plugin-complexity";
import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  astFromValue,
  getNamedType,
  isAbstractType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
  parse,
  print,
} from "graphql";

/** The values of arguments by name: generated documents have all of them in turn. `foreign` are names of another environment. */
export interface ArgumentValues {
  readonly own: readonly unknown[];
  readonly foreign?: readonly unknown[];
  /** Also where optional arguments are left out: it keeps the documents few. */
  readonly always?: true;
  /** Arguments that exclude this one: it is asked for without them, and not among all. */
  readonly instead?: readonly string[];
}

/** By name, or by `field.name` where a field means something else by it. */
export type Values = Readonly<Record<string, ArgumentValues>>;

/** A document for one root field. */
export interface GeneratedDocument {
  readonly operation: "query" | "mutation" | "subscription";
  readonly field: string;
  readonly text: string;
  /** Whether it is asked for one more argument's sake alone, and goes no deeper than the objects next to it. */
  readonly isShallow: boolean;
  /** Whether the optional arguments are left out. */
  readonly isPlain: boolean;
}

/** As the public door's, a little less. */
const most = { fields: 110, complexity: 45_000 } as const;

type Field = GraphQLField<unknown, unknown>;
type Chosen = ReadonlyMap<GraphQLArgument, unknown>;
/** The fields from a root field to an object, and the leaves that are wanted of it. */
interface Path {
  readonly fields: readonly Field[];
  readonly leaves: readonly Field[];
}

interface Node {
  readonly field: Field;
  readonly leaves: Set<Field>;
  readonly children: Map<string, Node>;
}

/** A root field with the arguments that it is asked with. */
interface Start extends Omit<GeneratedDocument, "field" | "text"> {
  readonly field: Field;
  readonly chosen: Chosen;
}

/**
 * Documents that together select every field of every type, within the limits of the public door:
 * those of a root field's type and of the objects next to it below each root field, what is further
 * down at least below the root field that is nearest to it (`everywhere`: below each). With the
 * required arguments alone, with all, and with each one that has other values. Throws for an
 * argument without a value, so that a new one cannot be forgotten. Fields of an interface (`node`)
 * are left out: they are asked for by the ids of an answer.
 */
export function generateDocuments(
  schema: GraphQLSchema,
  values: Values,
  { everywhere = false }: { readonly everywhere?: boolean } = {},
): readonly GeneratedDocument[] {
  const roots = [
    ["query", schema.getQueryType()],
    ["mutation", schema.getMutationType()],
    ["subscription", schema.getSubscriptionType()],
  ] as const;
  const starts = roots.flatMap(([operation, type]) =>
    Object.values(type?.getFields() ?? {})
      .filter((field) => !isAbstractType(getNamedType(field.type)))
      .flatMap((field) => chooseArguments(field, values).map((chosen): Start => ({ operation, field, ...chosen }))),
  );
  const [plain, full] = [starts.filter(({ isPlain }) => isPlain), starts.filter(({ isPlain }) => !isPlain)];
  const together = everywhere ? starts.map((start) => [start]) : [plain, full];
  const paths = new Map(together.flatMap((some) => [...findPaths(some)]));
  return starts.flatMap((start) => {
    const { chosen, field, ...kept } = start;
    const toArguments = (of: Field) => printArguments(of === field ? chosen : chooseNested(of, values, !start.isPlain));
    const texts = splitPaths(schema, start.operation, paths.get(start) ?? [], toArguments);
    return texts.map((text) => ({ ...kept, field: field.name, text }));
  });
}

/** Every field of every object type, as "Type.field". */
export function listLeaves(schema: GraphQLSchema): readonly string[] {
  const roots = new Set([schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]);
  const types = Object.values(schema.getTypeMap()).filter((type) => isObjectType(type) && !type.name.startsWith("__"));
  return types.flatMap((type) =>
    isObjectType(type) && !roots.has(type)
      ? Object.values(type.getFields()).map(({ name }) => `${type.name}.${name}`)
      : [],
  );
}

/** The fields that have a value in an answer, as "Type.field". */
export function listSeen(type: GraphQLObjectType, data: unknown): readonly string[] {
  if (Array.isArray(data)) return data.flatMap((one) => listSeen(type, one));
  if (data === null || typeof data !== "object") return [];
  return Object.entries(data).flatMap(([name, value]) => {
    const field = type.getFields()[name];
    if (!field || value === null) return [];
    const inner = getNamedType(field.type);
    return [`${type.name}.${name}`, ...(isObjectType(inner) ? listSeen(inner, value) : [])];
  });
}

function getValues(field: Field, { name }: GraphQLArgument, values: Values): ArgumentValues {
  const found = values[`${field.name}.${name}`] ?? values[name];
  if (!found) throw new Error(`The argument ${name} of ${field.name} has no value: add it to the values of the test`);
  return found;
}

/** Those that are given whenever the field is asked for. */
function listNeeded(field: Field, values: Values): readonly GraphQLArgument[] {
  return field.args.filter((arg) => isRequiredArgument(arg) || getValues(field, arg, values).always);
}

/** Those that can be given together. */
function listTogether(field: Field, values: Values): readonly GraphQLArgument[] {
  return field.args.filter((arg) => !getValues(field, arg, values).instead);
}

/** One value for each of these arguments; none for those that have none. */
function choose(field: Field, args: readonly GraphQLArgument[], values: Values, which: "first" | "last"): Chosen {
  const own = args.map((arg) => [arg, getValues(field, arg, values).own.at(which === "first" ? 0 : -1)] as const);
  return new Map(own.filter(([, value]) => value !== undefined));
}

/** What a root field is asked with, each once. */
function chooseArguments(field: Field, values: Values) {
  const needed = listNeeded(field, values);
  const plain = choose(field, needed, values, "first");
  const others = field.args.flatMap((arg) => {
    const { own, foreign = [], instead = [] } = getValues(field, arg, values);
    const isNeeded = needed.includes(arg);
    const toOne = (isDeep: boolean) => (value: unknown) => ({
      chosen: new Map([...plain].filter(([{ name }]) => !instead.includes(name))).set(arg, value),
      isShallow: !isDeep,
      isPlain: isDeep,
    });
    return [...(isNeeded ? own.slice(1) : own).map(toOne(isNeeded)), ...foreign.map(toOne(false))];
  });
  const all = { chosen: choose(field, listTogether(field, values), values, "last"), isShallow: false, isPlain: false };
  return [
    { chosen: plain, isShallow: false, isPlain: true },
    ...(field.args.length > needed.length ? [all] : []),
    ...others,
  ];
}

function chooseNested(field: Field, values: Values, isFull: boolean): Chosen {
  return choose(field, isFull ? listTogether(field, values) : listNeeded(field, values), values, "first");
}

function printArguments(chosen: Chosen): string {
  const parts = [...chosen].flatMap(([arg, value]) => {
    const literal = astFromValue(value, arg.type);
    return literal ? `${arg.name}: ${print(literal)}` : [];
  });
  return parts.length > 0 ? `(${parts.join(", ")})` : "";
}

/** As the public door's. */
const deepest = 8;

/**
 * The ways from each root field to the leaves of its type and of the objects next to it, and from
 * there on, unless it is shallow, through every field that no shorter way has led through.
 */
function findPaths(starts: readonly Start[]): ReadonlyMap<Start, readonly Path[]> {
  const paths = new Map<Start, Path[]>(starts.map((start) => [start, []]));
  const found = new Set<Field>();
  let level = starts.map((start) => ({ start, fields: [start.field] }));
  for (let depth = 1; depth <= deepest; depth += 1) {
    level = level.flatMap(({ start, fields }) => {
      const type = getNamedType((fields.at(-1) as Field).type);
      const all = isObjectType(type) ? Object.values(type.getFields()) : [];
      const leaves = all.filter((own) => isLeafType(getNamedType(own.type)));
      if (leaves.length > 0 || all.length === 0) paths.get(start)?.push({ fields, leaves });
      if (start.isShallow && depth > 1) return [];
      const inner = all.filter((own) => !leaves.includes(own) && !found.has(own));
      return inner.map((own) => ({ start, fields: [...fields, own] }));
    });
    if (depth > 1) for (const { fields } of level) found.add(fields.at(-1) as Field);
  }
  return paths;
}

/** As few documents as the limits allow. */
function splitPaths(
  schema: GraphQLSchema,
  operation: GeneratedDocument["operation"],
  paths: readonly Path[],
  toArguments: (field: Field) => string,
): string[] {
  const texts: string[] = [];
  let taken: Path[] = [];
  const write = (some: readonly Path[]) => `${operation} { ${printNode(toTree(some), toArguments)} }`;
  const add = (path: Path): void => {
    if (fits(schema, write([...taken, path]))) return void taken.push(path);
    if (taken.length > 0) texts.push(write(taken));
    taken = [];
    if (fits(schema, write([path]))) return void taken.push(path);
    const { fields, leaves } = path;
    // Skips what exceeds the limits even alone.
    if (leaves.length < 2) return;
    const half = Math.ceil(leaves.length / 2);
    for (const some of [leaves.slice(0, half), leaves.slice(half)]) add({ fields, leaves: some });
  };
  for (const path of paths) add(path);
  return taken.length > 0 ? [...texts, write(taken)] : texts;
}

/** Nobody has read a list yet. */
const context = {
  sources: { containers: { listCached: () => null }, env: null },
  principal: { environments: new Set() },
};

function fits(schema: GraphQLSchema, text: string): boolean {
  const { complexity, breadth } = complexityFromQuery(parse(text), { schema, variables: {}, ctx: context });
  return complexity <= most.complexity && breadth <= most.fields;
}

function toTree(paths: readonly Path[]): Node {
  const toNode = (field: Field): Node => ({ field, leaves: new Set(), children: new Map() });
  const root = toNode(paths[0]?.fields[0] as Field);
  for (const { fields, leaves } of paths) {
    let node = root;
    for (const field of fields.slice(1)) {
      const next = node.children.get(field.name) ?? toNode(field);
      node.children.set(field.name, next);
      node = next;
    }
    for (const leaf of leaves) node.leaves.add(leaf);
  }
  return root;
}

function printNode({ field, leaves, children }: Node, toArguments: (field: Field) => string): string {
  const type = getNamedType(field.type);
  const head = `${field.name}${toArguments(field)}`;
  if (!isObjectType(type)) return head;
  const parts = [
    ...[...leaves].map((inner) => `${inner.name}${toArguments(inner)}`),
    ...[...children.values()].map((child) => printNode(child, toArguments)),
  ];
  return `${head} { ${parts.join(" ")} }`;
}
