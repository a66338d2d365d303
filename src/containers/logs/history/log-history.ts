import type { Container } from "../../container.ts";
import type { LogFilter, LogLine } from "../log.ts";

/** From `since` on, and before `before`: log timestamps. */
export interface HistoryRange {
  readonly since: string;
  readonly before: string;
}

/** Asks for the lines of one container. */
export interface HistoryQuery extends HistoryRange {
  readonly fullId: string;
  /** At which end of the range reading begins. */
  readonly from: "newest" | "oldest";
  /** Saves work: lines that it does not select may be left out. */
  readonly filter: LogFilter;
}

/** What one call has read of a range. */
interface HistoryPiece {
  /**
   * Cleaned as those of engines. By time, then stream, then text, because that is all that the
   * history knows of their order; equal ones are one. Lines of one time are never in two pieces.
   */
  readonly lines: readonly LogLine[];
  /** The part of the range that was not read; null when all was. */
  readonly rest: HistoryRange | null;
  /** Bytes that were read for it. */
  readonly bytes: number;
}

/** Selects containers of Kamal apps: by role, or by name. */
export interface HistorySelector extends HistoryRange {
  readonly role: string | null;
  readonly names: readonly string[];
  readonly service: string | null;
}

/**
 * The port to a store of logs that outlives the engines. A container is known by its full id. Calls
 * have deadlines of their own, and reject with log_history_unavailable, or as the signal does.
 */
export interface LogHistory {
  /** One piece of a range, at most a few MB. */
  read(query: HistoryQuery, signal: AbortSignal): Promise<HistoryPiece>;
  /**
   * The containers that wrote in the range, the newest first, at most `mostRemoved`, as
   * `toRemovedContainer` maps what their log entries say of them.
   */
  listContainers(selector: HistorySelector, signal: AbortSignal): Promise<readonly Container[]>;
  close(): Promise<void>;
}

/** Most containers of one `listContainers`. */
export const mostRemoved = 1000;
