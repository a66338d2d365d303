import type { Container, ContainerSource } from "./container.ts";
import type { FollowOptions } from "./log-follow.ts";
import type { RoleBatch } from "./role-batch.ts";
import { createRoleInbox } from "./role-inbox.ts";
import { createRoleMembers } from "./role-members.ts";

interface RoleFollow {
  /** The containers of the role at the beginning, at least one. */
  readonly containers: readonly Container[];
  /** The containers of the role whenever they may be others. */
  readonly changes: (signal: AbortSignal) => AsyncIterable<readonly Container[]>;
  /** Containers of the role that ended: one that ends at once may never have been on the list. */
  readonly deaths: AsyncIterable<Container>;
  readonly follow: ContainerSource["follow"];
  readonly options: FollowOptions;
  readonly signal: AbortSignal;
}

/** A new container must be found and opened within the time that the lines of the others wait for it. Text in characters. */
const window = { holdMs: 500, maxSize: 512 << 10 };

/**
 * The newest lines of all containers of a role, then what they write, in the order of their times: over restarts (each container's own follower
 * does that), releases and replicas. A marker stands where a release begins of which no container ran before. A container that left the role, or
 * ended at once, is read to its last line; between two releases the role is waited for. Rejects when no container can be opened. Ends with the signal.
 */
export async function followRole(options: RoleFollow): Promise<AsyncGenerator<RoleBatch>> {
  const { containers, changes, deaths, signal } = options;
  const inbox = createRoleInbox(window);
  const ends = new AbortController();
  const members = createRoleMembers({ ...options, inbox, signal: ends.signal });
  const end = () => {
    inbox.close();
    ends.abort();
  };
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  const watch = async () => {
    for await (const now of changes(ends.signal)) members.update(now);
  };
  const watchDeaths = async () => {
    for await (const container of deaths) members.meet(container);
  };
  const read = async function* () {
    try {
      yield* inbox.read(signal);
    } finally {
      signal.removeEventListener("abort", end);
      end();
    }
  };
  try {
    await members.begin(containers);
  } catch (error) {
    end();
    throw error;
  }
  for (const watching of [watch(), watchDeaths()]) watching.catch((error: unknown) => inbox.fail(error));
  return read();
}
