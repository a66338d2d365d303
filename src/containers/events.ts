import type { Environment } from "../lib/environment.ts";
import type { Container, Health } from "./container.ts";

/** One event of a container, as its engine reported it. */
export interface ContainerEvent {
  /** RFC 3339 UTC with nanoseconds, by the engine's clock. */
  readonly time: string;
  /**
   * Docker's word: create, start, kill, die, stop, restart, pause, unpause, oom, health_status,
   * rename, update, destroy.
   */
  readonly action: string;
  /** For `die`, else null. */
  readonly exitCode: number | null;
  /** Number of the signal of `kill`, else null. */
  readonly signal: number | null;
  /** For `health_status`, else null. */
  readonly health: Health | null;
  /** Its name before `rename`, else null. */
  readonly previousName: string | null;
  /**
   * The container as known when the event came, under the name in the event. `env` is null when it
   * is not known for sure.
   */
  readonly container: Container;
}

/** Events that arrived together, in the order of their engine, with notices for the reader. */
export interface EventBatch {
  readonly events: readonly ContainerEvent[];
  /** Wanted events dropped just before these, because this reader was too slow. */
  readonly dropped: number;
  /**
   * Engines that were out of contact just before these events: some may be missing, and engines do
   * not repeat them.
   */
  readonly interrupted: readonly string[];
  /** Why this is the last batch, as in LogBatch. */
  readonly ended: string | null;
}

/** Sees each event of all engines at once, in the order of its engine. */
export interface ContainerObserver {
  /** An engine answers, for the first time or again: its events follow. */
  onWatched(engine: { readonly name: string; readonly env: Environment | null }): void;
  /** An engine was out of contact for a while: some of its events are missing. */
  onGap(engine: string): void;
  /** Also events from the minutes before the first answer, as far as the engine still has them. */
  onEvent(event: ContainerEvent): void;
}
