import { type OpsClient, OpsError } from "../client/client.ts";
import { UsageError } from "../cli/command.ts";
import { pause } from "../lib/abort.ts";
import {
  type CommandForm,
  defineCommand,
  noteError,
  type Options,
  type Session,
  type TerminalCommand,
  type Values,
} from "./command.ts";
import { outputOption, toSeconds } from "./options.ts";
import { type OutputFormat, outputFormats, toText } from "./output/print.ts";
import { toOneLine } from "./output/style.ts";
import type { Column } from "./output/table.ts";

/** What a list shows. */
interface ListAnswer<Row> {
  readonly rows: readonly Row[];
  /** What could not be read. */
  readonly errors?: readonly OpsError[];
  /** What to know about the rows: an engine that does not answer, more pages. */
  readonly notes?: readonly string[];
}

interface ListForm<Row, O extends Options> extends CommandForm<O> {
  readonly columns: readonly Column<Row>[];
  readonly nameOf: (row: Row) => string;
  /** Said on stderr instead of a table without rows. */
  readonly empty: string;
  readonly read: (
    client: OpsClient,
    values: Values<O>,
    positionals: readonly string[],
    signal: AbortSignal,
  ) => Promise<ListAnswer<Row>>;
}

const listOptions = {
  output: outputOption(outputFormats),
  "no-headers": { type: "boolean", about: "omit the table's header" },
  watch: { type: "boolean", short: "w", about: "update every few seconds until Ctrl-C" },
  interval: {
    type: "string",
    short: "n",
    value: "TIME",
    default: "2s",
    about: "time between two updates of --watch, at least 1s",
  },
} as const satisfies Options;

/**
 * A command that prints rows: data on stdout, all else on stderr. Exit code 1 when something could
 * not be read.
 */
export function defineList<Row, const O extends Options>(form: ListForm<Row, O>): TerminalCommand {
  const options = { ...form.options, ...listOptions } as O & typeof listOptions;
  return defineCommand({ ...form, options }, async (session, values, positionals) => {
    const all = values as unknown as Values<O> & Values<typeof listOptions>;
    if (form.args === undefined && positionals.length > 0) throw new UsageError("This command takes no arguments");
    const look = () => toLook(session, form, all, positionals);
    if (!all.watch) {
      const found = await look();
      return (await print(session, found)) ? toCode(found) : 0;
    }
    const seconds = toSeconds("interval", all.interval);
    if (seconds < 1 || seconds > 3600) throw new UsageError("--interval must be from 1s to 1h");
    const { stop, stdio } = session.context;
    let seen = await look();
    for (;;) {
      const { text } = seen;
      const clear = stdio.stdout.isTTY ? "\u001b[H\u001b[2J" : "";
      if (!(await print(session, { ...seen, text: clear + text }))) return 0;
      const next = (await pause(seconds * 1000, stop)) ? await lookAgain(look, seen, session) : null;
      if (next === null) return toCode(seen);
      seen = next;
    }
  });
}

/** The result of one read, as text. */
interface Look {
  /** Of stdout; empty where a table has no rows. */
  readonly text: string;
  readonly errors: readonly OpsError[];
  readonly notes: readonly string[];
}

async function toLook<Row, O extends Options>(
  session: Session,
  { columns, nameOf, empty, read }: ListForm<Row, O>,
  values: Values<O> & Values<typeof listOptions>,
  positionals: readonly string[],
): Promise<Look> {
  const { rows, errors = [], notes = [] } = await read(session.client(), values, positionals, session.context.stop);
  const isTable = values.output === "table" || values.output === "wide";
  const said = notes.map((note) => session.paintError("warn", toOneLine(note)));
  // Beside an error, no rows do not mean that nothing is there.
  if (rows.length === 0 && isTable) return { text: "", errors, notes: errors.length > 0 ? said : [empty, ...said] };
  const text = toText(rows, {
    format: values.output as OutputFormat,
    columns,
    nameOf,
    paint: session.paint,
    width: session.width,
    hasHead: !values["no-headers"],
  });
  return { text, errors, notes: said };
}

/**
 * Waits for a gateway that restarts: the last answer stays on the screen, with the error below it.
 * Null at the stop.
 */
async function lookAgain(look: () => Promise<Look>, seen: Look, { context }: Session): Promise<Look | null> {
  try {
    return await look();
  } catch (error) {
    if (context.stop.aborted) return null;
    if (!(error instanceof OpsError)) throw error;
    return { ...seen, text: context.stdio.stdout.isTTY ? seen.text : "", errors: [error] };
  }
}

/** Whether its reader is still there. */
async function print(session: Session, { text, errors, notes }: Look): Promise<boolean> {
  if (text !== "" && !(await session.write(text))) return false;
  for (const note of notes) session.note(note);
  for (const error of errors) noteError(session, error);
  return true;
}

function toCode({ errors }: Look): number {
  return errors.length > 0 ? 1 : 0;
}
