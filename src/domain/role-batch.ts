import type { Container } from "./container.ts";
import type { FollowNotice } from "./log-follow.ts";
import type { RoleLine } from "./role-line.ts";

/**
 * What happened to one container of a followed role: to its source, or that it came, went, cannot be read now (it is tried again), or had written
 * more before it was found than is read at once, so that the oldest of these lines are missing.
 */
export interface RoleNotice {
  readonly notice: FollowNotice | "joined" | "left" | "unreadable" | "truncated";
  readonly container: Container;
  /** Why it cannot be read; else null. */
  readonly error: unknown;
}

/** Some lines of a followed role in the order of their times, and what a reader should know beside them. */
export interface RoleBatch {
  readonly lines: readonly RoleLine[];
  /** So many matching lines of its containers, or more, were left out before these: this reader was slower than others of the same logs, or one was truncated. */
  readonly dropped: number;
  readonly notices: readonly RoleNotice[];
  /** Why nothing comes after this (the reason of the signal); null while it goes on. */
  readonly ended: string | null;
}
