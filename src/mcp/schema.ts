import * as z from "zod";
import type { Fields, FieldType, Tool } from "./tool.ts";

type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * A tool as clients list it (`tools/list`). Leaves out what every client assumes, because each
 * conversation pays for each word.
 */
export interface ListedTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: JsonSchema & { readonly type: "object" };
  readonly outputSchema: JsonSchema & { readonly type: "object" };
  readonly annotations: Readonly<Record<string, boolean>>;
}

export function toListed({ name, description, args, list, row, facts, isAction }: Tool): ListedTool {
  const { $schema: _, ...inputSchema } = z.toJSONSchema(args, {
    io: "input",
    override: ({ jsonSchema }) => leaveOut(jsonSchema),
  });
  const listed = row === null ? {} : { type: "array", items: { properties: toProperties(row) } };
  return {
    name,
    description,
    inputSchema: { ...inputSchema, type: "object" },
    outputSchema: {
      type: "object",
      properties: { ...toProperties(facts), ...(list !== "" && { [list]: listed }) },
    },
    annotations: isAction ? { destructiveHint: true, idempotentHint: true } : { readOnlyHint: true },
  };
}

/** The bounds of texts: a refusal says them. A choice says its type itself. */
function leaveOut(schema: Record<string, unknown>): void {
  for (const name of ["minLength", "maxLength", "pattern", "minItems", "maxItems", "minimum"]) delete schema[name];
  if ("enum" in schema) delete schema["type"];
}

/** A field without a type is a text, as most are. The elements of an array show their own types. */
function toProperties(fields: Fields): JsonSchema {
  return mapFields(fields, (type) => (type === "string" ? {} : type.endsWith("[]") ? { type: "array" } : { type }));
}

function mapFields(fields: Fields, map: (type: FieldType) => JsonSchema): JsonSchema {
  return Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, map(type)]));
}

function toType(type: FieldType): JsonSchema {
  return type.endsWith("[]") ? { type: "array", items: toType(type.slice(0, -2) as FieldType) } : { type };
}

/**
 * The whole form of an answer: every field and its type, and no others. Tests hold the answers to
 * it.
 */
export function toStrictSchema({ list, row, facts }: Pick<Tool, "list" | "row" | "facts">): JsonSchema {
  const errors = { type: "array", items: toStrict({ code: "string", message: "string", remedy: "string" }) };
  const listed = row === null ? { type: "string" } : { type: "array", items: toStrict(row) };
  return toStrict(
    { ...facts, more: "string", untrusted: "string" },
    { errors, ...(list !== "" && { [list]: listed }) },
  );
}

function toStrict(fields: Fields, more: JsonSchema = {}): JsonSchema {
  return { type: "object", properties: { ...mapFields(fields, toType), ...more }, additionalProperties: false };
}
