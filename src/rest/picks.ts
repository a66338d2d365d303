import type { JsonSchema } from "./json-schema.ts";

/**
 * How an answer becomes a body, and how its schema becomes the schema of the body. Both follow the
 * same rule.
 */
export interface Pick<Data> {
  /** Null when the endpoint's main value is missing: then the answer is its error. */
  readonly body: (data: Partial<Data>) => unknown;
  readonly schema: (data: JsonSchema) => JsonSchema;
}

/** The value of one root field. */
export function field<const Key extends string>(name: Key): Pick<Record<Key, unknown>> {
  return { body: (data) => data[name] ?? null, schema: (data) => property(data, name) };
}

/** One root field, with the fields of one of its objects moved up beside its own. */
export function spread<const Key extends string, const Inner extends string>(
  name: Key,
  inner: Inner,
): Pick<Record<Key, Readonly<Record<Inner, object | null>> | null>> {
  return {
    body: (data) => {
      const outer = data[name];
      if (!outer?.[inner]) return null;
      const { [inner]: moved, ...own } = outer;
      return { ...own, ...moved };
    },
    schema: (data) => {
      const { [inner]: _, ...own } = property(data, name).properties ?? {};
      return object({ ...own, ...property(property(data, name), inner).properties });
    },
  };
}

/** As `spread`, without `key` where its value is null. */
export function spreadWithout<const Key extends string, const Inner extends string>(
  name: Key,
  inner: Inner,
  key: string,
): ReturnType<typeof spread<Key, Inner>> {
  const { body, schema } = spread(name, inner);
  return {
    body: (data) => {
      const found = body(data) as Record<string, unknown> | null;
      if (found?.[key] !== null) return found;
      const { [key]: _, ...others } = found;
      return others;
    },
    schema: (data) => {
      const found = schema(data);
      return object({ ...found.properties, [key]: { ...property(found, key), optional: true } });
    },
  };
}

/** The whole answer, if all named root fields are present. */
export function whole<const Key extends string>(...required: readonly Key[]): Pick<Record<Key, unknown>> {
  return {
    body: (data) => (required.some((name) => data[name] === null || data[name] === undefined) ? null : data),
    schema: (data) =>
      object(Object.fromEntries(Object.keys(data.properties ?? {}).map((name) => [name, property(data, name)]))),
  };
}

interface DeployFields {
  readonly stale: boolean;
  readonly extra: readonly { readonly key: string; readonly value: string }[];
}

/**
 * deploy_info: the documented fields, then the file's other strings (they never replace one);
 * `stale` only when true.
 */
export function deployInfo<Data extends { deployInfo: DeployFields | null }>(): Pick<Data> {
  return {
    body: ({ deployInfo: info }) => {
      if (!info) return null;
      const { extra, stale, ...documented } = info;
      const others = extra.filter(({ key }) => !Object.hasOwn(documented, key) && key !== "stale");
      return {
        ...documented,
        ...Object.fromEntries(others.map(({ key, value }) => [key, value])),
        ...(stale && { stale }),
      };
    },
    schema: (data) => {
      const { extra: _, stale, ...documented } = property(data, "deployInfo").properties ?? {};
      const { required } = object(documented);
      return {
        type: "object",
        properties: { ...documented, stale: stale ?? {} },
        required: required ?? [],
        // Strings; the boolean is for generated clients, where `stale` must fit the type of the
        // other properties.
        additionalProperties: { type: ["string", "boolean"], description: "Another string of the file." },
      };
    },
  };
}

/** A property that is present in the body: its schema without null at the top. */
function property({ properties = {} }: JsonSchema, name: string): JsonSchema {
  const schema = properties[name] ?? {};
  return Array.isArray(schema.type) ? { ...schema, type: schema.type[0] as string } : schema;
}

function object(properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  const required = Object.entries(properties).flatMap(([name, { optional }]) => (optional ? [] : [name]));
  return { type: "object", properties, required };
}
