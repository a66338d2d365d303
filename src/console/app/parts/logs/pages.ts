import { ConsoleLogPageDocument, type ConsoleLogPageQuery } from "../../../../generated/console.ts";
import { OpsError } from "../../../../client/error.ts";
import { ask } from "../../data/client.ts";
import { formatEnum } from "../../../../facts/format.ts";
import { type LogRow, toNote } from "./row.ts";
import { type LogFilter, type LogSources, type LogTarget, toFilterVariables } from "./target.ts";

export type LogPage = NonNullable<ConsoleLogPageQuery["logs"]>;
export type LogPart = LogPage["containers"][number];
export type PageLine = LogPage["lines"][number];

/** What is missing in a page: containers that could not be read, and the log history. */
export function toFailed({ containers, historyError: error }: LogPage): readonly LogPart[] {
  const failed = containers.filter((part) => part.error !== null);
  return error ? [...failed, { container: { name: "the log history", engine: "" }, error }] : failed;
}

/** The newest lines without any; those around a time, or those next to the page of a cursor. */
export interface PageTurn {
  readonly at?: string;
  readonly before?: string;
  readonly after?: string;
}

/** Pages of one log with one filter. */
export class LogPages {
  readonly target: LogTarget;
  readonly filter: LogFilter;
  readonly sources: LogSources;

  constructor(target: LogTarget, filter: LogFilter, sources: LogSources) {
    [this.target, this.filter, this.sources] = [target, filter, sources];
  }

  /** Rejects with an OpsError or an AbortError. @param tail most lines, 1 to 5000 */
  async read(turn: PageTurn, tail: number, abort: AbortSignal): Promise<LogPage> {
    const variables = { ...this.target, ...toFilterVariables(this.filter), ...turn, tail };
    const { data, failures } = await ask(ConsoleLogPageDocument, variables, abort);
    if (data?.logs) return data.logs;
    throw failures[0] ?? new OpsError("not_a_gateway", "The gateway returned no page");
  }

  toRow({ kind, timestamp, stream, level, message, container }: PageLine): LogRow {
    if (kind === "MARKER") return toNote(timestamp, { kind: "event", text: message, tone: "mark" });
    const source = this.sources.of(container);
    const shown = { level: level && formatEnum(level), text: message };
    return { at: timestamp, ...shown, stream, source, note: null, isOpen: false };
  }
}
