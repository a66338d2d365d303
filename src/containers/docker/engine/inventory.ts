import { LRUCache } from "lru-cache";
import { toOwnerEnv } from "../../../auth/principal.ts";
import type { Environment } from "../../../lib/environment.ts";
import { toTimestamp } from "../../../lib/time.ts";
import type { Container } from "../../container.ts";
import type { RawContainer, ContainerRules, EngineContext } from "../../facts.ts";
import { toContainer, toEngineContext } from "../../kamal/mapping.ts";
import { selectRetired, selectLive, selectVisible } from "../../kamal/visibility.ts";
import type { ListedFacts } from "../http/answers.ts";

/** All that is known of one engine's containers at one moment. The same object, with the same rows, until something is learned. */
export interface Snapshot {
  readonly facts: ReadonlyMap<string, RawContainer>;
  /** Those that callers may see (kamal-visible.ts). */
  readonly visible: readonly Container[];
  /** The environments whose tokens may see one of them. */
  readonly environments: ReadonlySet<Environment>;
  /** The stopped ones of old releases, and those that never started: callers see them by their logs and deploys alone (kamal-visible.ts). */
  listRetired(): readonly Container[];
  /** All that live, also those that callers never see. */
  live(): readonly Container[];
  readonly context: EngineContext;
  /** Any container, hidden ones too; null when there is none of this id. */
  row(fullId: string): Container | null;
  known(fullId: string): Known | null;
}

/** A container as it is, or was last, known. */
export interface Known {
  readonly facts: RawContainer;
  readonly row: Container;
  readonly visible: boolean;
}

export interface Inventory {
  /** To be taken before a question: an answer never overwrites what was asked later. */
  begin(): number;
  /** A whole list: what is not in it is gone. Answers the ids that are worth an inspection: new, changed, or (re)started just now. */
  applyList(list: readonly ListedFacts[], asked: number): string[];
  learn(facts: RawContainer, asked: number): void;
  /** One that cannot be inspected: from now on told from the list, and from what it was created with, which never changes. */
  demote(fullId: string): void;
  remove(fullId: string): void;
  snapshot(stale: boolean): Snapshot;
  /** Also one that is gone, of the last 1000 of these; null for one that was never known. */
  lastKnown(fullId: string): Known | null;
}

interface Entry {
  /** Null until a list tells of it. */
  readonly listed: RawContainer | null;
  readonly facts: RawContainer;
  /** Whether `facts` are of an inspection, and nothing speaks against them. */
  readonly inspected: boolean;
  /** The question that `facts` answered. */
  readonly asked: number;
  readonly observedAt: string;
}

export interface InventoryEngine {
  readonly env: Environment | null;
  readonly rules: ContainerRules;
  readonly hostNames: readonly string[];
}

/** The containers of one engine, in memory. `onChange` is told when a snapshot may be another than before. */
export function createInventory(engine: InventoryEngine, onChange: () => void): Inventory {
  const entries = new Map<string, Entry>();
  /** When something was removed, so that answers to earlier questions do not bring it back. */
  const removed = new Map<string, number>();
  let clock = 0;
  const snapshots = new Map<boolean, Snapshot>();
  let latest: Snapshot | null = null;
  // By size, for `max` would take its memory at once, for each engine.
  const former = new LRUCache<string, Known>({ maxSize: 1000, sizeCalculation: () => 1 });

  const isOutdated = (fullId: string, asked: number) =>
    Math.max(entries.get(fullId)?.asked ?? 0, removed.get(fullId) ?? 0) > asked;
  const put = (fullId: string, entry: Omit<Entry, "observedAt">) => {
    entries.set(fullId, { ...entry, observedAt: toTimestamp(new Date().toISOString()) ?? "" });
    change();
  };
  const change = () => {
    snapshots.clear();
    onChange();
  };
  const getSnapshot = (stale: boolean) => {
    const snapshot = snapshots.get(stale) ?? createSnapshot(entries, engine, stale);
    snapshots.set(stale, snapshot);
    latest = snapshot;
    return snapshot;
  };
  const remove = (fullId: string) => {
    removed.set(fullId, ++clock);
    const last = latest?.known(fullId);
    if (last) former.set(fullId, last);
    if (entries.delete(fullId)) change();
  };
  return {
    begin: () => ++clock,
    applyList(list, asked) {
      const changed: string[] = [];
      const seen = new Set<string>();
      for (const { facts: listed, recent } of list) {
        const { fullId } = listed;
        seen.add(fullId);
        if (isOutdated(fullId, asked)) continue;
        const known = entries.get(fullId);
        const inspected = known !== undefined && !recent && listsTheSame(listed, known);
        if (!inspected) changed.push(fullId);
        put(fullId, { listed, facts: known?.facts ?? listed, inspected, asked: known?.asked ?? asked });
      }
      for (const [fullId, entry] of entries) if (!seen.has(fullId) && entry.asked < asked) remove(fullId);
      for (const [fullId, at] of removed) if (at < asked) removed.delete(fullId);
      return changed;
    },
    learn(facts, asked) {
      const { fullId } = facts;
      if (!isOutdated(fullId, asked)) put(fullId, { listed: entries.get(fullId)?.listed ?? null, facts, inspected: true, asked });
    },
    demote(fullId) {
      const { listed = null, facts, asked } = entries.get(fullId) ?? {};
      if (!listed || !facts || asked === undefined) return;
      const { hostname, image, variables } = facts;
      put(fullId, { listed, facts: { ...listed, hostname, image, variables }, inspected: false, asked });
    },
    remove,
    snapshot: getSnapshot,
    lastKnown: (fullId) => getSnapshot(false).known(fullId) ?? former.get(fullId) ?? null,
  };
}

/** Whether the list says what it said before, and what is known by inspection. */
function listsTheSame(listed: RawContainer, known: Entry): boolean {
  if (!known.inspected || listed.state !== known.facts.state || listed.name !== known.facts.name) return false;
  return JSON.stringify(listed) === JSON.stringify(known.listed);
}

function createSnapshot(entries: ReadonlyMap<string, Entry>, engine: InventoryEngine, stale: boolean): Snapshot {
  const known = new Map(entries);
  const facts = new Map([...known].map(([fullId, entry]) => [fullId, entry.facts]));
  const all = [...facts.values()];
  const context = toEngineContext(all, engine);
  const rows = new Map<string, Container>();
  const row = (fullId: string): Container | null => {
    const entry = known.get(fullId);
    if (!entry) return null;
    const made = rows.get(fullId) ?? toContainer(entry.facts, context, { observedAt: entry.observedAt, stale });
    rows.set(fullId, made);
    return made;
  };
  const visible = selectVisible(all, context).map(({ fullId }) => row(fullId) as Container);
  const shown = new Set(visible);
  return {
    facts,
    visible,
    environments: new Set(visible.flatMap((container) => toOwnerEnv(container) ?? [])),
    listRetired: () => selectRetired(all, context).map(({ fullId }) => row(fullId) as Container),
    live: () => selectLive(all).map(({ fullId }) => row(fullId) as Container),
    context,
    row,
    known(fullId) {
      const own = row(fullId);
      const told = facts.get(fullId);
      return own && told ? { facts: told, row: own, visible: shown.has(own) } : null;
    },
  };
}
