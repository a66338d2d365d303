import { OpsError } from "../lib/errors.ts";

/**
 * One parameter: where it comes from, which variable of the document it sets, and what it accepts.
 */
export interface Param {
  readonly name: string;
  readonly in: "query" | "path" | "header";
  readonly variable: string;
  readonly description: string;
  /** JSON Schema of the value, for OpenAPI. */
  readonly schema: object;
  /** The accepted values, for people: "must be ...". */
  readonly expected: string;
  /**
   * The variable's value when the parameter is absent or empty; without a fallback the variable is
   * omitted.
   */
  readonly fallback?: unknown;
  /** The variable's value; undefined for an invalid text. */
  readonly parse: (text: string) => unknown;
}

type ParamOptions = { readonly variable?: string; readonly description: string };

/** By lower-case name, as node:http gives them. */
type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

const booleans: Readonly<Record<string, boolean>> = { true: true, "1": true, false: false, "0": false };

/** `true|false|1|0`. */
export function booleanParam(name: string, options: ParamOptions): Param {
  return toParam(name, options, {
    schema: { type: "boolean", default: false },
    fallback: false,
    expected: "true or false",
    parse: (text) => (Object.hasOwn(booleans, text) ? booleans[text] : undefined),
  });
}

/** One of a few words. */
export function choiceParam(name: string, choices: readonly string[], options: ParamOptions): Param {
  return toParam(name, options, {
    schema: { type: "string", enum: choices },
    expected: choices.join(" or "),
    parse: (text) => (choices.includes(text) ? text : undefined),
  });
}

/** One word or nothing: true when present. */
export function wordParam(name: string, word: string, options: ParamOptions): Param {
  return toParam(name, options, {
    schema: { type: "string", enum: [word] },
    fallback: false,
    expected: word,
    parse: (text) => text === word || undefined,
  });
}

/** A decimal whole number within bounds. */
export function integerParam(
  name: string,
  { minimum, maximum, fallback }: { minimum: number; maximum: number; fallback: number },
  options: ParamOptions,
): Param {
  return toParam(name, options, {
    schema: { type: "integer", minimum, maximum, default: fallback },
    fallback,
    expected: `a whole number from ${minimum} to ${maximum}`,
    parse: (text) =>
      /^\d{1,9}$/.test(text) && Number(text) >= minimum && Number(text) <= maximum ? Number(text) : undefined,
  });
}

/** Any text of at most `maxLength` characters; the document checks the rest. */
export function textParam(name: string, maxLength: number, options: ParamOptions): Param {
  return toParam(name, options, {
    schema: { type: "string", maxLength },
    expected: `at most ${maxLength} characters`,
    parse: (text) => (text.length <= maxLength ? text : undefined),
  });
}

/** As `textParam`, from a header of the request. */
export function headerParam(name: string, maxLength: number, options: ParamOptions): Param {
  return { ...textParam(name, maxLength, options), in: "header" };
}

function toParam(
  name: string,
  { variable = name, description }: ParamOptions,
  rest: Pick<Param, "schema" | "expected" | "parse" | "fallback">,
): Param {
  return { name, in: "query", variable, description, ...rest };
}

/**
 * The variables from a query string and the headers. Unknown parameters are ignored; an empty value
 * counts as absent. A repeated or invalid one throws invalid_request, which names the parameter,
 * never its value.
 */
export function parseQuery(params: readonly Param[], query: string, headers: Headers = {}): Record<string, unknown> {
  const variables: Record<string, unknown> = {};
  const given = query === "" ? null : new URLSearchParams(query);
  for (const { name, in: place, variable, fallback, expected, parse } of params) {
    const values = place === "header" ? [headers[name.toLowerCase()] ?? []].flat() : (given?.getAll(name) ?? []);
    if (values.length > 1) throw new OpsError("invalid_request", `${name} is given more than once`);
    const value = values[0] ? parse(values[0]) : fallback;
    if (value !== undefined) variables[variable] = value;
    else if (values[0]) throw new OpsError("invalid_request", `${name} must be ${expected}`);
  }
  return variables;
}
