import type { Container } from "./container.ts";
import type { FollowNotice } from "./log-follow.ts";
import type { RoleLine } from "./role-line.ts";

/** What happened to one container of a followed role: to its source, or that it came, went, or cannot be read now (it is tried again). */
export interface RoleNotice {
  readonly notice: FollowNotice | "joined" | "left" | "unreadable";
  readonly container: Container;
  /** Why it cannot be read; else null. */
  readonly error: unknown;
}

/** Some lines of a followed role in the order of their times, and what a reader should know beside them. */
export interface RoleBatch {
  readonly lines: readonly RoleLine[];
  /** So many matching lines of its containers were left out before these: this reader was slower than others of the same logs. */
  readonly dropped: number;
  readonly notices: readonly RoleNotice[];
  /** Why nothing comes after this (the reason of the signal); null while it goes on. */
  readonly ended: string | null;
}
