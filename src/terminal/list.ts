import type { OpsClient, OpsError } from "../client/client.ts";
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
import { type OutputFormat, outputFormats, toText } from "./output/print.ts";
import type { Column } from "./output/table.ts";

/** What a list shows. */
export interface ListAnswer<Row> {
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
  output: {
    type: "string",
    short: "o",
    value: "FORMAT",
    choices: outputFormats,
    default: "table",
    about: outputFormats.join(", "),
  },
  "no-headers": { type: "boolean", about: "a table without its first line" },
  watch: { type: "boolean", short: "w", about: "again every few seconds until Ctrl-C" },
  interval: {
    type: "string",
    short: "n",
    value: "SECONDS",
    default: "2",
    about: "seconds between two looks of --watch, at least 1",
  },
} as const satisfies Options;

/** A command that prints rows: data on stdout, all else on stderr. Exit code 1 when something could not be read. */
export function defineList<Row, const O extends Options>(form: ListForm<Row, O>): TerminalCommand {
  const options = { ...form.options, ...listOptions } as O & typeof listOptions;
  return defineCommand({ ...form, options }, async (session, values, positionals) => {
    const all = values as unknown as Values<O> & Values<typeof listOptions>;
    if (form.args === undefined && positionals.length > 0) throw new UsageError("This command takes no arguments");
    if (!all.watch) return show(session, form, all, positionals);
    const seconds = Number(all.interval);
    if (!(seconds >= 1 && seconds <= 3600)) throw new UsageError("--interval must be from 1 to 3600 seconds");
    const { stop, stdio } = session.context;
    let code = 0;
    do {
      if (stdio.stdout.isTTY) await session.write("\u001b[H\u001b[2J\u001b[3J");
      code = await show(session, form, all, positionals);
    } while (code >= 0 && (await pause(seconds * 1000, stop)));
    return code < 0 ? 0 : code;
  });
}

/** The exit code; -1 when the reader has gone. */
async function show<Row, O extends Options>(
  session: Session,
  { columns, nameOf, empty, read }: ListForm<Row, O>,
  values: Values<O> & Values<typeof listOptions>,
  positionals: readonly string[],
): Promise<number> {
  const { rows, errors = [], notes = [] } = await read(session.client(), values, positionals, session.context.stop);
  const text = toText(rows, {
    format: values.output as OutputFormat,
    columns,
    nameOf,
    paint: session.paint,
    width: session.width,
    hasHead: !values["no-headers"],
  });
  const isTable = values.output === "table" || values.output === "wide";
  if (rows.length === 0 && isTable) session.note(empty);
  else if (!(await session.write(text))) return -1;
  for (const note of notes) session.note(session.paintError("warn", note));
  for (const error of errors) noteError(session, error);
  return errors.length > 0 ? 1 : 0;
}
