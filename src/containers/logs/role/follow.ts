import pLimit from "p-limit";
import { withEnd } from "../../../lib/broadcast.ts";
import { toLogTimestamp } from "../../../lib/time.ts";
import { toReleaseKey } from "../../../releases/service-group.ts";
import { type Container, toContainerKey } from "../../container.ts";
import type { ContainerSource } from "../../source.ts";
import { createLogCursor, type LogCursor, type RepeatFilter } from "../cursor.ts";
import { type FollowOptions, type LogBatch, type LogLine, wholeTail } from "../log.ts";
import { type RoleBatch, toBeginning, toMarker, toRoleLine } from "./lines.ts";
import { createRoleInbox, type RoleInbox } from "./merge.ts";
import { createRolePage } from "./page.ts";

/** The containers of a role whose logs are followed. */
interface RoleMembers {
  /**
   * Opens the first containers; resolves when their newest lines are in the inbox, or after
   * `openMs`. Rejects with the first error when none can be opened.
   */
  begin(containers: readonly Container[]): Promise<void>;
  /**
   * Receives the current containers of the role: a new one is followed from its beginning, and one
   * that left is read to its last line.
   */
  update(containers: readonly Container[]): void;
  /** Adds a container that may be in no update, because it has already ended. */
  meet(container: Container): void;
}

/** A container that was ever followed. */
interface Member {
  container: Container;
  /** How far it was read. A container that left and comes back continues from there. */
  readonly cursor: LogCursor;
  /** Whether it has a follower now, which `abort` ends. */
  isFollowed: boolean;
  readonly abort: AbortController;
  /** Since when it is not among the role's visible containers, unix ms; null while it is. */
  unlistedAt: number | null;
  /** Its follower has handed out everything written. */
  stopped: boolean;
  /** When it may be opened again after a failure or its end, unix ms; else 0. */
  retryAt: number;
  /** Already reported as unreadable. */
  isUnreadable: boolean;
  /** Already reported as truncated. */
  isTruncated: boolean;
}

interface MembersOptions {
  readonly follow: ContainerSource["follow"];
  readonly options: FollowOptions;
  readonly inbox: RoleInbox;
  /** Ends all followers. */
  readonly signal: AbortSignal;
}

/** Logs opened in parallel: each may bring a page of 5 MB. */
const opening = 16;
/** How long the first page waits for containers that are slow to open, ms; they join later. */
const openMs = 2000;
/** Delay before a log that could not be opened, or that ended, is opened again, ms. */
const retryMs = 2000;
/**
 * How long a container that stopped and left stays a member, ms: a restart brings it back at once.
 */
const lingerMs = 5000;
/** How far an engine's clock may lag behind ours, ms. */
const lagMs = 60_000;
/**
 * How long before its start, by the engine's clock, a container may have written its first lines,
 * ms.
 */
const earlyMs = 5000;

export function createRoleMembers({ follow, options, inbox, signal }: MembersOptions): RoleMembers {
  /** By `toContainerKey`. */
  const members = new Map<string, Member>();
  const limit = pLimit(opening);
  const followedAt = Date.now();
  let page: ReturnType<typeof createRolePage> | null = createRolePage(options.tail);

  const enter = (container: Container): Member => {
    const key = toContainerKey(container);
    const { cursor = createLogCursor(), retryAt = 0, isUnreadable = false } = members.get(key) ?? {};
    const follower = {
      isFollowed: true,
      abort: new AbortController(),
      unlistedAt: null,
      stopped: false,
      isTruncated: false,
    };
    const member: Member = { container, cursor, retryAt, isUnreadable, ...follower };
    members.set(key, member);
    return member;
  };
  const leave = (member: Member, error: unknown = null) => {
    member.isFollowed = false;
    if (!member.abort.signal.aborted) member.retryAt = Date.now() + retryMs;
    if (signal.aborted || member.isUnreadable) return;
    member.isUnreadable = error !== null;
    inbox.notify({ notice: error === null ? "left" : "unreadable", container: member.container, error });
  };
  const reportTruncated = (member: Member) => {
    member.isTruncated = true;
    inbox.notify({ notice: "truncated", container: member.container, error: null });
  };
  const deliver = async ({ container, cursor }: Member, lines: readonly LogLine[]): Promise<void> => {
    if (lines.length === 0) return;
    cursor.add(lines);
    if (page) {
      page.add(container, lines);
      return;
    }
    inbox.push(lines.map((line) => toRoleLine(container, line)));
    await inbox.room();
  };
  const publish = (member: Member, { dropped, cut, notice }: LogBatch, repeats: RepeatFilter) => {
    const lost = cut === "counted" ? repeats.skip(dropped) : dropped;
    if (lost > 0) inbox.lose(lost);
    if (lost > 0 && cut !== null) reportTruncated(member);
    if (notice === null || notice === "truncated") return;
    member.stopped = notice === "stopped";
    inbox.notify({ notice, container: member.container, error: null });
  };
  /** Follows it to its end. Until the first page is handed over, its lines go there. */
  const open = async (member: Member, wanted: FollowOptions): Promise<void> => {
    const repeats = member.cursor.createFilter();
    const stream = await follow(member.container, wanted, AbortSignal.any([signal, member.abort.signal]));
    member.isUnreadable = false;
    if (!page) inbox.notify({ notice: "joined", container: member.container, error: null });
    const pump = async () => {
      for await (const batch of stream) {
        publish(member, batch, repeats);
        await deliver(member, batch.lines.filter(repeats.isNew));
      }
    };
    pump().then(
      () => leave(member),
      (error: unknown) => leave(member, error),
    );
    // Its newest lines, if any, arrive at once.
    await new Promise((resolve) => setImmediate(resolve));
  };
  const join = (container: Container): void => {
    const known = members.get(toContainerKey(container));
    if (known?.isFollowed || (known?.retryAt ?? 0) > Date.now()) return;
    const isOfRelease = (one: Member) => one.isFollowed && toReleaseKey(one.container) === toReleaseKey(container);
    const wasRead = known !== undefined && (known.cursor.latest !== "" || known.retryAt > 0);
    const begins = !wasRead && ![...members.values()].some(isOfRelease);
    const member = enter(container);
    if (begins) {
      const beginning = toBeginning(container);
      inbox.push([toMarker(container, beginning > inbox.last ? beginning : inbox.last)]);
    }
    const firstMoment = options.whole ? options.since : undefined;
    const since = member.cursor.latest || (firstMoment ?? toFirstMoment(container, followedAt));
    limit(() => open(member, { ...options, tail: wholeTail, since, whole: true })).catch((error: unknown) =>
      leave(member, error),
    );
  };

  return {
    async begin(containers) {
      const errors: unknown[] = [];
      const all = containers.map((container) => {
        const member = enter(container);
        return limit(() => open(member, options)).catch((error: unknown) => {
          errors.push(error);
          leave(member, error);
        });
      });
      await Promise.race([Promise.all(all), new Promise((resolve) => setTimeout(resolve, openMs).unref())]);
      if (errors.length === containers.length) throw errors[0];
      if (options.whole && page?.dropped) {
        const { count, containers: shortened } = page.omitted;
        inbox.lose(count);
        for (const member of shortened.map((one) => members.get(toContainerKey(one))))
          if (member?.isTruncated === false) reportTruncated(member);
      }
      inbox.push(page?.take() ?? []);
      page = null;
    },
    update(containers) {
      const now = Date.now();
      const listed = new Map(containers.map((container) => [toContainerKey(container), container]));
      for (const [key, member] of members) {
        if (!member.isFollowed) continue;
        member.container = listed.get(key) ?? member.container;
        member.unlistedAt = listed.has(key) ? null : (member.unlistedAt ?? now);
        if (member.stopped && member.unlistedAt !== null && now - member.unlistedAt >= lingerMs) member.abort.abort();
      }
      for (const container of containers) join(container);
    },
    meet: join,
  };
}

/**
 * The `since` for a container that is new to a reader who follows its role since `followedMs`: the
 * container's start. One that ran before but could not be opened is read from about `followedMs`
 * on.
 */
function toFirstMoment({ startedAt, createdAt }: Container, followedMs: number): string {
  const startedMs = Date.parse(startedAt ?? createdAt) || 0;
  return toLogTimestamp((Math.max(startedMs - earlyMs, followedMs - lagMs, 0) / 1000).toFixed(3));
}

interface RoleFollow {
  /** The containers of the role at the beginning, at least one. */
  readonly containers: readonly Container[];
  /** The containers of the role whenever they may have changed. */
  readonly changes: (signal: AbortSignal) => AsyncIterable<readonly Container[]>;
  /** Containers of the role that ended: one that ends at once may never have been listed. */
  readonly deaths: AsyncIterable<Container>;
  readonly follow: ContainerSource["follow"];
  readonly options: FollowOptions;
  readonly signal: AbortSignal;
}

/**
 * A new container must be found and opened within `holdMs`, while lines of the others wait. Text in
 * characters.
 */
const window = { holdMs: 500, maxSize: 512 << 10 };

/**
 * The newest lines of all containers of a role, then what they write, in the order of their times:
 * across restarts (each container's own follower does that), releases and replicas. A marker stands
 * where a release begins of which no container ran before. A container that left the role, or ended
 * at once, is read to its last line; between two releases the role is waited for. Rejects when no
 * container can be opened. Ends with the signal.
 */
export async function followRole(options: RoleFollow): Promise<AsyncGenerator<RoleBatch>> {
  const { containers, changes, deaths, signal } = options;
  const inbox = createRoleInbox(window);
  const ends = new AbortController();
  const members = createRoleMembers({ ...options, inbox, signal: ends.signal });
  const end = () => {
    signal.removeEventListener("abort", end);
    inbox.close();
    ends.abort();
  };
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  const watch = async () => {
    for await (const now of changes(ends.signal)) members.update(now);
  };
  const watchDeaths = async () => {
    for await (const container of deaths) members.meet(container);
  };
  try {
    await members.begin(containers);
  } catch (error) {
    end();
    throw error;
  }
  for (const watching of [watch(), watchDeaths()]) watching.catch((error: unknown) => inbox.fail(error));
  return withEnd(end, () => inbox.read(signal));
}
