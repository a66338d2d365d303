import type { Container, Health } from "./container.ts";

/** One event of a container, as its engine told it. */
export interface ContainerEvent {
  /** RFC 3339 UTC with nanoseconds, by the engine's clock. */
  readonly time: string;
  /** Docker's word: create, start, kill, die, stop, restart, pause, unpause, oom, health_status, rename, update, destroy. */
  readonly action: string;
  /** Of `die`, else null. */
  readonly exitCode: number | null;
  /** Number of the signal of `kill`, else null. */
  readonly signal: number | null;
  /** Of `health_status`, else null. */
  readonly health: Health | null;
  /** Its name before `rename`, else null. */
  readonly previousName: string | null;
  /** As it was known when the event came, under the name that the event gives it. `env` is null when that is not known for sure. */
  readonly container: Container;
}

/** Events that came together, in the order of their engine, and what a reader should know beside them. */
export interface EventBatch {
  readonly events: readonly ContainerEvent[];
  /** So many events that it wanted were left out just before these: this reader was too slow. */
  readonly dropped: number;
  /** Engines that were not heard for a while just before these: events may be missing, which engines do not repeat. */
  readonly interrupted: readonly string[];
  /** Why nothing comes after this, as in LogBatch. */
  readonly ended: string | null;
}
