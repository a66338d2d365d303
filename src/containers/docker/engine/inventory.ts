import { LRUCache } from "lru-cache";
import { toOwnerEnv } from "../../../auth/principal.ts";
import type { Environment } from "../../../lib/environment.ts";
import { formatRfc3339 } from "../../../lib/time.ts";
import type { Container, RawContainer } from "../../container.ts";
import type { ContainerRules, EngineContext } from "../../kamal/rules.ts";
import { toContainer, toEngineContext } from "../../kamal/mapping.ts";
import { selectRetired, selectLive, selectVisible } from "../../kamal/visibility.ts";
import type { ListedContainer } from "../http/answers.ts";

/** One engine's containers as known at one moment. The same object, with the same rows, until something changes. */
export interface Snapshot {
  /** Those that callers may see (kamal/visibility.ts). */
  readonly visible: readonly Container[];
  /** The environments whose tokens may see one of them. */
  readonly environments: ReadonlySet<Environment>;
  /** Stopped containers of old releases, and those that never started: callers see them only in logs and deploys (kamal/visibility.ts). */
  listRetired(): readonly Container[];
  /** All live containers, also those that callers never see. */
  listRunning(): readonly Container[];
  readonly context: EngineContext;
  /** Any container, also a hidden one; null for an unknown id. */
  known(fullId: string): Known | null;
}

/** A container as it is, or was last, known. */
export interface Known {
  readonly raw: RawContainer;
  readonly row: Container;
  readonly visible: boolean;
}

export interface Inventory {
  /** Called before a request: its number keeps an answer from overwriting a later one. */
  begin(): number;
  /** Applies a whole list: containers not in it are gone. Returns the ids to inspect: new, changed, or started or stopped just now. */
  applyList(list: readonly ListedContainer[], asked: number): string[];
  learn(raw: RawContainer, asked: number): void;
  /** The inspection failed: from now on the container is reported from the list, plus what never changes after its creation. */
  demote(fullId: string): void;
  remove(fullId: string): void;
  /** Ids of all containers. */
  ids(): readonly string[];
  snapshot(stale: boolean): Snapshot;
  /** Also a removed container, of the last 1000 of them; null for one that was never known. */
  lastKnown(fullId: string): Known | null;
}

interface Entry {
  /** Null until a list contains it. */
  readonly listed: RawContainer | null;
  readonly raw: RawContainer;
  /** Whether `raw` comes from an inspection and no list contradicts them. */
  readonly inspected: boolean;
  /** Number of the request that `raw` answered. */
  readonly asked: number;
  readonly observedAt: string;
}

export interface InventoryEngine {
  readonly env: Environment | null;
  readonly rules: ContainerRules;
  readonly hostNames: readonly string[];
}

/** The containers of one engine, in memory. Calls `onChange` when the snapshot may have changed. */
export function createInventory(engine: InventoryEngine, onChange: () => void): Inventory {
  const entries = new Map<string, Entry>();
  /** When a container was removed, so that answers to earlier requests do not restore it. */
  const removed = new Map<string, number>();
  let clock = 0;
  const snapshots = new Map<boolean, Snapshot>();
  let latest: Snapshot | null = null;
  // Limited by size: `max` would allocate its memory at once, for each engine.
  const former = new LRUCache<string, Known>({ maxSize: 1000, sizeCalculation: () => 1 });

  const isOutdated = (fullId: string, asked: number) =>
    Math.max(entries.get(fullId)?.asked ?? 0, removed.get(fullId) ?? 0) > asked;
  const put = (fullId: string, entry: Omit<Entry, "observedAt">) => {
    entries.set(fullId, { ...entry, observedAt: formatRfc3339(Date.now()) });
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
      for (const { raw: listed, recent } of list) {
        const { fullId } = listed;
        seen.add(fullId);
        if (isOutdated(fullId, asked)) continue;
        const known = entries.get(fullId);
        const inspected = known !== undefined && !recent && listsTheSame(listed, known);
        if (!inspected) changed.push(fullId);
        put(fullId, { listed, raw: known?.raw ?? listed, inspected, asked: known?.asked ?? asked });
      }
      for (const [fullId, entry] of entries) if (!seen.has(fullId) && entry.asked < asked) remove(fullId);
      for (const [fullId, at] of removed) if (at < asked) removed.delete(fullId);
      return changed;
    },
    learn(raw, asked) {
      const { fullId } = raw;
      if (!isOutdated(fullId, asked)) put(fullId, { listed: entries.get(fullId)?.listed ?? null, raw, inspected: true, asked });
    },
    demote(fullId) {
      const { listed = null, raw, asked } = entries.get(fullId) ?? {};
      if (!listed || !raw || asked === undefined) return;
      const { hostname, image, variables } = raw;
      put(fullId, { listed, raw: { ...listed, hostname, image, variables }, inspected: false, asked });
    },
    remove,
    ids: () => [...entries.keys()],
    snapshot: getSnapshot,
    lastKnown: (fullId) => getSnapshot(false).known(fullId) ?? former.get(fullId) ?? null,
  };
}

/** Whether the list is unchanged, and agrees with the inspection. */
function listsTheSame(listed: RawContainer, known: Entry): boolean {
  if (!known.inspected || listed.state !== known.raw.state || listed.name !== known.raw.name) return false;
  return JSON.stringify(listed) === JSON.stringify(known.listed);
}

function createSnapshot(entries: ReadonlyMap<string, Entry>, engine: InventoryEngine, stale: boolean): Snapshot {
  const all = new Map(entries);
  const raws = [...all.values()].map(({ raw }) => raw);
  const context = toEngineContext(raws, engine);
  const rows = new Map<string, Container>();
  const toRow = ({ raw, observedAt }: Entry): Container => {
    const row = rows.get(raw.fullId) ?? toContainer(raw, context, { observedAt, stale });
    rows.set(raw.fullId, row);
    return row;
  };
  const toRows = (some: readonly RawContainer[]) => some.map(({ fullId }) => toRow(all.get(fullId) as Entry));
  const visible = toRows(selectVisible(raws, context));
  const shown = new Set(visible);
  return {
    visible,
    environments: new Set(visible.flatMap((container) => toOwnerEnv(container) ?? [])),
    listRetired: () => toRows(selectRetired(raws, context)),
    listRunning: () => toRows(selectLive(raws)),
    context,
    known(fullId) {
      const entry = all.get(fullId);
      if (!entry) return null;
      const row = toRow(entry);
      return { raw: entry.raw, row, visible: shown.has(row) };
    },
  };
}
