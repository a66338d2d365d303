import { groupByRole, toRoleMean } from "../../facts/container.ts";
import type {
  ContainersQuery,
  Environment,
  HostsQuery,
  ProblemsQuery,
  QueueQuery,
  QueuesQuery,
} from "../../client/client.ts";

export type ContainerRow = NonNullable<ContainersQuery["containers"]>[number];
export type ProblemRow = ProblemsAnswer["problems"][number];
type ProblemsAnswer = NonNullable<ProblemsQuery["problems"]>;
export type QueueRow = NonNullable<QueuesQuery["queues"]>[number];
type QueueErrors = NonNullable<NonNullable<QueueQuery["queue"]>["errors"]>;
export type HostRow = NonNullable<HostsQuery["hosts"]>[number];
type QueueSources = NonNullable<QueuesQuery["queueSources"]>;

/** Percent: of one CPU, which may exceed 100, and of the memory limit. Null is unknown. */
interface Usage {
  readonly cpuPct: number | null;
  readonly memPct: number | null;
}

/** One part of the screen: its last good answer, and why there is no newer one. */
export interface Part<T> {
  /** Null before the first answer. */
  readonly value: T | null;
  /** Null while it is answered. */
  readonly error: string | null;
}

/** The way to the gateway. `sinceMs` is unix ms. */
type Link =
  | { readonly state: "connecting" | "connected" }
  | { readonly state: "lost"; readonly sinceMs: number; readonly reason: string };

/** All that the gateway answered. */
export interface TopData {
  /** Null: all environments. */
  readonly env: Environment | null;
  readonly link: Link;
  /** Whether containers come by the subscription, not by questions. */
  readonly isStreamed: boolean;
  /** Time of the newest answer, unix ms. */
  readonly answeredAtMs: number | null;
  readonly problems: Part<ProblemsAnswer>;
  readonly containers: Part<readonly ContainerRow[]>;
  readonly usage: Part<ReadonlyMap<string, Usage>>;
  readonly queues: Part<readonly QueueRow[]>;
  readonly queueSources: QueueSources;
  readonly hosts: Part<readonly HostRow[]>;
  /** The last values, oldest first, by `cpu`, `mem` or `depth` and the key of a role or queue. */
  readonly trends: ReadonlyMap<string, readonly (number | null)[]>;
  /** Of the queue whose details are open. */
  readonly errors: { readonly id: string; readonly part: Part<QueueErrors> } | null;
}

const unasked = { value: null, error: null };

/** Before the first answer. */
export const emptyData: TopData = {
  env: null,
  link: { state: "connecting" },
  isStreamed: false,
  answeredAtMs: null,
  problems: unasked,
  containers: unasked,
  usage: unasked,
  queues: unasked,
  queueSources: [],
  hosts: unasked,
  trends: new Map(),
  errors: null,
};

export const sectionNames = ["problems", "roles", "queues", "hosts"] as const;
export type SectionName = (typeof sectionNames)[number];

/** Of every section the ids of its rows, as they are shown. */
export type Lists = Readonly<Record<SectionName, readonly string[]>>;

/** What the person has chosen to see. */
export interface View {
  readonly section: SectionName;
  /** The selected row. Where it has gone, the one at its index is selected. */
  readonly id: string | null;
  readonly index: number;
  /** What is open in place of the sections. */
  readonly open: "help" | "detail" | null;
  /** Lines above the first shown one of what is open. */
  readonly scroll: number;
  readonly filter: string;
  readonly isTyping: boolean;
  readonly isPaused: boolean;
  /** After `g`. */
  readonly awaitsSection: boolean;
}

export const firstView: View = {
  section: "problems",
  id: null,
  index: 0,
  open: null,
  scroll: 0,
  filter: "",
  isTyping: false,
  isPaused: false,
  awaitsSection: false,
};

/** Index of the selected row in its section; -1 where that has none. */
export function selectedIndex({ section, id, index }: View, lists: Lists): number {
  const ids = lists[section];
  const found = id === null ? -1 : ids.indexOf(id);
  return found >= 0 ? found : Math.min(index, ids.length - 1);
}

/** A role of one service, destination and environment, with its containers. */
export interface Role {
  readonly id: string;
  readonly role: string;
  readonly service: string | null;
  /** Destination and environment, once where they are the same. */
  readonly place: string;
  readonly containers: readonly ContainerRow[];
  readonly usage: Usage;
}

/** Roles by name. */
export function toRoles({ containers, usage }: Pick<TopData, "containers" | "usage">): readonly Role[] {
  return groupByRole(containers.value ?? []).map(({ key, role, service, destination, env, rows }): Role => {
    const mean = (name: keyof Usage) => toRoleMean(rows, ({ id }) => usage.value?.get(id)?.[name]);
    return {
      id: key,
      role,
      service,
      place: [...new Set([destination, env?.toLowerCase()])].filter(Boolean).join("/"),
      containers: rows,
      usage: { cpuPct: mean("cpuPct"), memPct: mean("memPct") },
    };
  });
}

export function toQueueId({ source, name }: Pick<QueueRow, "source" | "name">): string {
  return JSON.stringify([source, name]);
}
