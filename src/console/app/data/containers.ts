import { computed, signal } from "@preact/signals";
import { OpsError } from "../../../client/error.ts";
import {
  ConsoleContainerListDocument,
  ConsoleContainersDocument,
  ConsoleNowMoreDocument,
  ConsoleNowDocument,
  ConsoleProblemsDocument,
  type ConsoleContainersSubscription,
  type ContainerRowFragment,
} from "../../../generated/console.ts";
import { ask, type Failure, follow, whileVisible } from "./client.ts";
import { refresh } from "./live.ts";
import { token } from "../session/session.ts";
import { params, path } from "../page/url.ts";
import { hasNow } from "./now.ts";

export type ContainerRow = ContainerRowFragment;
type Change = NonNullable<ConsoleContainersSubscription["containers"]>;
export type EngineRow = Change["engines"][number] & {
  /** When it last answered or sent an event, unix ms; null when it never did. */
  readonly heardAt: number | null;
};

/** Every container that the token may see, by id; null before the first answer. */
const rows = signal<ReadonlyMap<string, ContainerRow> | null>(null);

/** The engines that were asked, with what is wrong with them. */
export const engines = signal<readonly EngineRow[]>([]);

/** Why there is no list; null while there is one. */
export const containersFailure = signal<Failure | null>(null);

/**
 * All containers of the chosen environment and destination, sorted by name. Null before the first
 * answer.
 */
export const containers = computed<readonly ContainerRow[] | null>(() => {
  if (!rows.value) return null;
  const [env, destination] = [params.value.get("env"), params.value.get("destination")];
  return [...rows.value.values()]
    .filter((row) => (!env || row.env === env) && (!destination || row.destination === destination))
    .toSorted((one, other) => compare(one.name, other.name) || compare(one.engine, other.engine));
});

/**
 * Names of containers are ASCII: comparing them by a language would cost 5,000 of them a frame at
 * each change.
 */
function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/**
 * Those of a name, of one engine or of all, whatever environment and destination are chosen. Null
 * before the first answer.
 */
export function findContainers(name: string, engine: string | null): readonly ContainerRow[] | null {
  if (!rows.value) return null;
  return [...rows.value.values()].filter((row) => row.name === name && (engine === null || row.engine === engine));
}

/** The words of Kamal that containers have as destinations. */
export const destinations = computed(() => {
  const words = [...(rows.value?.values() ?? [])].map(({ destination }) => destination).filter((word) => word !== null);
  return [...new Set(words)].toSorted();
});

/** Follows the list while somebody is signed in and looks at the page. Call once. */
export function followContainers(): void {
  let stop: (() => void) | null = null;
  token.subscribe((current) => {
    if (current !== null) stop ??= whileVisible(openInTurn);
    else {
      stop?.();
      stop = null;
      [rows.value, engines.value, containersFailure.value] = [null, [], null];
    }
  });
}

/** How long the first screen waits for its problems before it asks for the list, ms. */
const problemsFirstMs = 1000;

/** The list is several times as large as all else on the first screen: there, problems come first. */
function openInTurn(): () => void {
  if (path.value !== "/" || hasNow.value) return open();
  let close: (() => void) | null = null;
  const start = () => void (close ??= open());
  const timer = setTimeout(start, problemsFirstMs);
  const unwatch = hasNow.subscribe((isAnswered) => isAnswered && start());
  return () => {
    clearTimeout(timer);
    unwatch();
    close?.();
  };
}

function open(): () => void {
  return follow(ConsoleContainersDocument, () => ({}), {
    next: ({ containers: change }) => {
      containersFailure.value = null;
      if (change) apply(change);
    },
    broken: () => {},
    poll: list,
    ended: (failure) => (containersFailure.value = failure),
  });
}

async function list(abort: AbortSignal): Promise<void> {
  try {
    const { data, failures } = await ask(ConsoleContainerListDocument, {}, abort);
    containersFailure.value = data?.containers ? null : (failures[0] ?? null);
    if (data?.containers) apply({ snapshot: true, changed: data.containers, removed: [], engines: data.engines ?? [] });
  } catch (error) {
    if (!(error instanceof OpsError || error instanceof DOMException)) throw error;
  }
}

function apply({
  snapshot,
  changed,
  removed,
  engines: asked,
}: Pick<Change, "snapshot" | "changed" | "removed" | "engines">): void {
  engines.value = asked.map((engine) => ({
    ...engine,
    heardAt: engine.ageSeconds === null ? null : Date.now() - engine.ageSeconds * 1000,
  }));
  if (!snapshot && changed.length === 0 && removed.length === 0) return;
  const next = new Map(snapshot ? [] : rows.value);
  for (const row of changed) next.set(row.id, row);
  for (const { id } of removed) next.delete(id);
  rows.value = next;
  // It may have begun or ended a problem, or be a deploy, and is seen at once.
  if (!snapshot)
    for (const document of [ConsoleProblemsDocument, ConsoleNowDocument, ConsoleNowMoreDocument]) refresh(document);
}
