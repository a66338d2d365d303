import type { ParseArgsConfig } from "node:util";
import { type CommandContext, createCommand, UsageError } from "../cli/command.ts";
import { type OpsClient, OpsError } from "../client/client.ts";
import { withoutControls } from "../lib/text.ts";
import { ContextError, openContext, type Place } from "./contexts.ts";
import { type ColourWhen, colourChoices, createPaint, type Paint, toOneLine } from "./output/style.ts";

/** The streams of the process. */
export interface Stdio {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

interface TerminalContext extends CommandContext {
  readonly stdio: Stdio;
}

/** An option, as `parseArgs` takes it and as help and completion show it. */
interface Option {
  readonly type: "string" | "boolean";
  readonly short?: string;
  readonly multiple?: boolean;
  readonly default?: string | boolean;
  /** What stands for its value in help: `ENV`. */
  readonly value?: string;
  /** Its possible values: others are refused. */
  readonly choices?: readonly string[];
  /**
   * Whether its value may be empty. Elsewhere that is a variable of a script that is not set, and
   * would choose everything. @default false
   */
  readonly mayBeEmpty?: boolean;
  readonly about: string;
}

export type Options = Readonly<Record<string, Option>>;

export interface CommandForm<O extends Options> {
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** Its positional arguments in help: `NAME`, `[NAME...]`; absent: none. */
  readonly args?: string;
  /** Further lines of help. */
  readonly about?: string;
  readonly options?: O;
  /** A command line, and what it does. */
  readonly examples?: readonly (readonly [command: string, what: string])[];
}

/** The values of options, by name. */
export type Values<O extends Options> = {
  readonly [Name in keyof O]:
    | (O[Name]["type"] extends "boolean" ? boolean : O[Name]["multiple"] extends true ? readonly string[] : string)
    | (O[Name]["default"] extends string | boolean ? never : undefined);
};

/** A connection to the gateway of the context, and how to write. */
export interface Session {
  readonly context: TerminalContext;
  /** Where the gateway is; throws ContextError when nothing says so. */
  readonly place: () => Place;
  /** The client of that place. */
  readonly client: () => OpsClient;
  readonly paint: Paint;
  /** As `paint`, for stderr. */
  readonly paintError: Paint;
  /** Columns of the terminal; null when stdout is not one. */
  readonly width: number | null;
  /**
   * Writes data to stdout, as it is. Waits while a slow reader does; false once the reader has
   * gone.
   */
  readonly write: (text: string) => Promise<boolean>;
  /** Writes a line about the data to stderr. */
  readonly note: (text: string) => void;
}

export interface TerminalCommand {
  readonly form: CommandForm<Options>;
  readonly run: (context: TerminalContext) => Promise<number>;
}

/** The condition that a command waited for or checked is not met: exit code 3. */
export class ConditionError extends Error {}

/** Of every command that talks to a gateway. */
export const commonOptions = {
  context: {
    type: "string",
    value: "NAME",
    about: "the gateway to use, as listed by `context`; default: OPS_CONTEXT, OPS_URL, the current one",
  },
  color: {
    type: "string",
    value: "WHEN",
    choices: colourChoices,
    default: "auto",
    about: "colours: auto, always or never",
  },
} as const satisfies Options;

export const exitCodes = "Exit codes: 0 done, 1 failed, 2 usage, 3 the condition was not met, 78 configuration";

/**
 * A command of the terminal client. `--help` prints its form; errors are one or two lines on stderr
 * and an exit code.
 */
export function defineCommand<const O extends Options>(
  form: CommandForm<O>,
  run: (session: Session, values: Values<O>, positionals: readonly string[]) => Promise<number>,
): TerminalCommand {
  const options: Options = { ...form.options, ...commonOptions };
  const command = createCommand(
    { usage: toHelp(form), options: toParseOptions(options), allowPositionals: form.args !== undefined },
    async (context, { values, positionals }) => {
      checkValues(options, values);
      if (positionals.includes("")) throw new UsageError("An argument is empty");
      const given = values as unknown as Values<O> & { readonly context?: string; readonly color: ColourWhen };
      const session = openSession(context as TerminalContext, given);
      return runSafely(session, () => run(session, given, positionals));
    },
  );
  return { form, run: command };
}

function toParseOptions(options: Options): NonNullable<ParseArgsConfig["options"]> {
  return Object.fromEntries(
    Object.entries(options).map(([name, { type, short, multiple, default: usual }]) => [
      name,
      { type, ...(short && { short }), ...(multiple && { multiple }), ...(usual !== undefined && { default: usual }) },
    ]),
  );
}

/** @throws UsageError */
function checkValues(options: Options, values: Readonly<Record<string, unknown>>): void {
  for (const [name, { choices, mayBeEmpty = false }] of Object.entries(options)) {
    const given = [values[name]].flat().filter((value) => typeof value === "string");
    if (!mayBeEmpty && given.includes("")) throw new UsageError(`--${name} is empty`);
    const wrong = given.find((value) => !choices?.includes(value));
    if (!choices || wrong === undefined) continue;
    throw new UsageError(`--${name} must be one of ${choices.join(", ")}, not '${toOneLine(wrong)}'`);
  }
}

function openSession(
  context: TerminalContext,
  { context: name, color }: { readonly context?: string; readonly color: ColourWhen },
): Session {
  const { stdio, env, readFile } = context;
  let opened: ReturnType<typeof openContext> | undefined;
  const open = () => (opened ??= openContext({ name: name ?? null, env, readFile }));
  let isGone = false;
  stdio.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // `head` has seen enough, or the terminal has closed.
    if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
    isGone = true;
  });
  return {
    context,
    place: () => open().place,
    client: () => open().client,
    paint: createPaint(color, stdio.stdout, env),
    paintError: createPaint(color, stdio.stderr, env),
    get width() {
      return stdio.stdout.isTTY ? stdio.stdout.columns || 80 : null;
    },
    write: (text) =>
      new Promise((resolve) => {
        if (isGone || stdio.stdout.writableEnded) resolve(false);
        // As in writeStream: a stream takes bytes as they are.
        else if (stdio.stdout.write(Buffer.from(text))) resolve(true);
        else {
          const end = () => {
            for (const event of ["drain", "error", "close"]) stdio.stdout.off(event, end);
            resolve(!isGone);
          };
          for (const event of ["drain", "error", "close"]) stdio.stdout.once(event, end);
        }
      }),
    note: (text) => stdio.stderr.write(`${text}\n`),
  };
}

async function runSafely(session: Session, run: () => Promise<number>): Promise<number> {
  const { note, paintError, context } = session;
  try {
    return await run();
  } catch (error) {
    if (error instanceof ConditionError) {
      note(toOneLine(error.message));
      return 3;
    }
    if (error instanceof ContextError) {
      note(withoutControls(error.message));
      return 78;
    }
    // Stopped by the user: nobody waits for an answer any more.
    if (context.stop.aborted) return 130;
    if (!(error instanceof OpsError)) throw error;
    noteError(session, error);
    if (error.remedy !== null) note(paintError("muted", error.remedy));
    return 1;
  }
}

/** Characters of an error message, at most. */
const longestMessage = 2000;

/** One line about what could not be read or done. */
export function noteError({ note, paintError }: Session, { message, code }: OpsError): void {
  const shown = message.length > longestMessage ? `${message.slice(0, longestMessage)}…` : message;
  note(`${paintError("bad", "error:")} ${toOneLine(shown)} ${paintError("muted", `(${toOneLine(code)})`)}`);
}

/** As a page of a manual. */
function toHelp({ name, summary, args, about, options = {}, examples = [] }: CommandForm<Options>): string {
  const lines = [`usage: wallet-core-ops ${name}${args === undefined ? "" : ` ${args}`} [options]`, "", `  ${summary}`];
  if (about !== undefined)
    lines.push(
      "",
      ...about
        .trim()
        .split("\n")
        .map((line) => `  ${line}`.trimEnd()),
    );
  const listed = Object.entries({ ...options, ...commonOptions, help: helpOption }).map(
    ([option, form]) => [toOptionText(option, form), form.about] as const,
  );
  const width = Math.max(...listed.map(([text]) => text.length));
  lines.push("", "options:", ...listed.map(([text, what]) => `  ${text.padEnd(width)}  ${what}`));
  if (examples.length > 0)
    lines.push("", "examples:", ...examples.flatMap(([command, what]) => [`  ${what}:`, `      ${command}`]));
  lines.push("", exitCodes, "");
  return lines.join("\n");
}

const helpOption: Option = { type: "boolean", short: "h", about: "this page" };

function toOptionText(name: string, { short, type, value = "VALUE" }: Option): string {
  return `${short === undefined ? "    " : `-${short}, `}--${name}${type === "string" ? ` ${value}` : ""}`;
}
