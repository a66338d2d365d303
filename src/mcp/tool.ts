import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import * as z from "zod";
import { findRemedy } from "../facts/error.ts";
import { isPlain, Own } from "./fence.ts";

/** An error of the gateway as data: one of the codes of docs/errors.md. */
export interface Fault {
  readonly code: string;
  /** A text may quote an upstream, so that only ours stands without a fence. */
  readonly message: string | Own;
}

/** What could be read, and why the rest could not: its fields are null. */
interface Asked<Data> {
  readonly data: Partial<Data>;
  readonly errors: readonly Fault[];
}

/**
 * How a tool reads and acts: runs a fixed document with the caller's token. Rejects with
 * ToolFailure when nothing could be read.
 */
export type Ask = <Data, Variables extends Record<string, unknown>>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
) => Promise<Asked<Data>>;

/** A tool has no answer. */
export class ToolFailure extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.message instanceof Own ? fault.message.text : fault.message);
    this.name = "ToolFailure";
    this.fault = fault;
  }
}

/** A failure in our own words, without a text of others. */
export function refuse(message: string, code = "invalid_request"): ToolFailure {
  return new ToolFailure({ code, message: new Own(message) });
}

/** A field without which a tool has no answer. @throws ToolFailure */
export function need<Value>(value: Value | null | undefined, [first]: readonly Fault[]): Value {
  if (value !== null && value !== undefined) return value;
  throw first ? new ToolFailure(first) : refuse("It does not exist, or this token may not see it", "not_found");
}

/** What a tool found, in the order of importance: only the list is shortened. */
export interface Found {
  /** Objects, or the lines of a log. Nulls and empty lists in them are left out. */
  readonly rows: readonly unknown[];
  /** What the answer says beside its list. */
  readonly facts?: Readonly<Record<string, unknown>>;
  /**
   * What explains the rows from the one index to before the other, those that fit: it is no longer
   * than they need.
   */
  readonly legend?: (from: number, to: number) => Readonly<Record<string, unknown>>;
  /** Rows that exist and were not read; true when their number is unknown. @default 0 */
  readonly unread?: number | boolean;
  /** Of a log: where its most important lines are. @default "first" */
  readonly keep?: "first" | "middle" | "last";
  readonly errors?: readonly Fault[];
}

export type FieldType = "string" | "integer" | "number" | "boolean" | "object" | `${"string" | "object"}[]`;
/** The fields of an answer by name. Each may be absent, which means unknown or none. */
export type Fields = Readonly<Record<string, FieldType>>;

/** One row of the table of tools. */
export interface Tool {
  readonly name: string;
  /**
   * For the model: what it answers, and which tool goes on from there. Every word of it is paid for
   * by each conversation.
   */
  readonly description: string;
  /** Unknown arguments are refused. */
  readonly args: z.ZodObject;
  /** Name of its list; its rows are lines of a log, in one text, where `row` is null. */
  readonly list: string;
  readonly row: Fields | null;
  readonly facts: Fields;
  /** The arguments that make an answer shorter: `narrow by ...`. */
  readonly narrow: string;
  /** Whether it changes something: it needs ops:operate and WALLET_CORE_OPS_MCP_ACTIONS=on. */
  readonly isAction: boolean;
  readonly documents: readonly TypedDocumentNode<never, never>[];
  readonly run: (args: never, ask: Ask) => Promise<Found>;
}

interface ToolForm<Shape extends z.ZodRawShape> extends Omit<Tool, "args" | "isAction" | "documents" | "run"> {
  readonly args: Shape;
  readonly isAction?: boolean;
  readonly documents: readonly unknown[];
  readonly run: (args: z.output<z.ZodObject<Shape>>, ask: Ask) => Promise<Found>;
}

export function defineTool<Shape extends z.ZodRawShape>({ args, isAction = false, ...form }: ToolForm<Shape>): Tool {
  return { ...form, args: z.strictObject(args), isAction } as unknown as Tool;
}

/** A fault with what to do about it, as answers show it. */
export function toShownFault({ code, message }: Fault) {
  const remedy = findRemedy(code);
  return { code, message, remedy: remedy === null ? null : new Own(remedy) };
}

/**
 * Refuses arguments that a tool does not have, and values that they do not take. @throws
 * ToolFailure, which names each and what is allowed
 */
export function parseArgs({ name, args }: Pick<Tool, "name" | "args">, given: unknown): unknown {
  const parsed = args.safeParse(given ?? {});
  if (parsed.success) return parsed.data;
  const known = Object.keys(args.shape).join(", ");
  const issues = parsed.error.issues.slice(0, 5).map((issue) => {
    const path = issue.path.join(".");
    if (issue.code === "unrecognized_keys") {
      const names = issue.keys.filter(isPlain).slice(0, 5);
      return `${name} has no argument ${names.join(", ") || "of this name"}: it has ${known || "none"}`;
    }
    if (issue.code === "invalid_value") return `${path} must be one of ${issue.values.join(", ")}`;
    return path === "" ? `the arguments must be an object with ${known || "nothing"}` : `${path}: ${issue.message}`;
  });
  throw refuse(issues.join("; "));
}
