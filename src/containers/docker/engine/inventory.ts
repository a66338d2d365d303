import { LRUCache } from "lru-cache";
import { toOwnerEnv } from "../../../auth/principal.ts";
import type { Environment } from "../../../lib/environment.ts";
import { once } from "../../../lib/cache.ts";
import { formatRfc3339 } from "../../../lib/time.ts";
import { type Container, liveStates, type RawContainer } from "../../container.ts";
import type { ContainerRules, EngineContext } from "../../kamal/rules.ts";
import { toContainer } from "../../kamal/mapping.ts";
import { toOrigin } from "../../kamal/origin.ts";
import { selectLive } from "../../kamal/visibility.ts";
import { createVisibleIndex } from "../../kamal/visible-index.ts";
import type { ListedContainer } from "../http/answers.ts";

/**
 * One engine's containers as known at one moment. The same object, with the same rows, until
 * something changes.
 */
export interface Snapshot {
  /** Those that callers may see (kamal/visibility.ts). */
  readonly visible: readonly Container[];
  /** The environments whose tokens may see one of them. */
  readonly environments: ReadonlySet<Environment>;
  /** Whether each container was inspected at least once. */
  readonly isInspected: boolean;
  /**
   * Stopped containers of old releases, and those that never started: callers see them only in logs
   * and deploys (kamal/visibility.ts).
   */
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
  /**
   * What the last list said of a container, where this says the same; else this. `applyList` then
   * only compares references, and has computed what it needs of this.
   */
  unchanged(listed: RawContainer): RawContainer;
  /**
   * Applies a whole list: containers not in it are gone. Returns the ids to inspect: new, changed,
   * or started or stopped just now.
   */
  applyList(list: readonly ListedContainer[], asked: number): string[];
  learn(raw: RawContainer, asked: number): void;
  /** Whether it was inspected, and no list contradicts that. */
  isInspected(fullId: string): boolean;
  /**
   * The inspection failed: from now on the container is reported from the list, plus what never
   * changes after its creation. While it runs on, so does its count of restarts, which only grows.
   * While it is stopped, its times stay.
   */
  demote(fullId: string): void;
  /**
   * Somebody may have started this container, or any of them (null), by hand, which resets its
   * count of restarts.
   */
  doubtRestarts(fullId: string | null): void;
  /** It started or ended: the times from its last inspection are outdated. */
  doubtTimes(fullId: string): void;
  remove(fullId: string): void;
  /** Ids of all containers. */
  ids(): readonly string[];
  snapshot(stale: boolean): Snapshot;
  /** As in the snapshot, which is not computed for it. */
  context(): EngineContext;
  /** Remembers the name in an event, which may be the last report about the container. */
  hear(raw: RawContainer): void;
  /** As `ContainerSource.heard`. */
  heard(): readonly Container[];
  /** All containers, also hidden and stopped ones, marked stale. */
  listStale(): readonly Container[];
  /** As `ContainerSource.everSeen`; null where more was removed or renamed than the last 1000. */
  everSeen(): readonly Container[] | null;
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
  /** When `raw` was reported, RFC 3339. */
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
  /** When the count of restarts was last in doubt, of all containers and of one. */
  let allDoubted = 0;
  const doubted = new Map<string, number>();
  /** The same for the times of a start and an end. */
  const moved = new Map<string, number>();
  let clock = 0;
  const snapshots = new Map<boolean, Snapshot>();
  const index = createVisibleIndex(engine);
  /**
   * The row of each state of a container, current and stale: a snapshot has new rows only for what
   * has changed.
   */
  const [fresh, old] = [createRows(), createRows()];
  // Limited by size: `max` would allocate its memory at once, for each engine.
  const former = new LRUCache<string, Known>({
    maxSize: 1000,
    sizeCalculation: () => 1,
    dispose: (_known, _key, reason) => {
      if (reason === "evict") hasForgotten = true;
    },
  });
  let hasForgotten = false;
  /**
   * What is in no row yet: a new container, or the new name of a known one. With when that was
   * heard.
   */
  const heard = new Map<string, { readonly raw: RawContainer; readonly at: number }>();

  const isOutdated = (fullId: string, asked: number) =>
    Math.max(entries.get(fullId)?.asked ?? 0, removed.get(fullId) ?? 0) > asked;
  const put = (fullId: string, entry: Omit<Entry, "observedAt">) => {
    const known = entries.get(fullId);
    const isSame = known?.raw === entry.raw;
    if (heard.get(fullId)?.raw.name === entry.raw.name) heard.delete(fullId);
    if (known && known.raw.name !== entry.raw.name) keepName(fullId, known.raw.name);
    entries.set(fullId, { ...entry, observedAt: isSame ? known.observedAt : formatRfc3339(Date.now()) });
    if (isSame) return;
    index.put(entry.raw);
    change();
  };
  const change = () => {
    snapshots.clear();
    onChange();
  };
  const toRow = (entry: Entry, stale: boolean): Container => {
    const { raw, observedAt } = entry;
    const context = index.context();
    const rows = stale ? old : fresh;
    const last = rows.get(raw);
    if (last && (last.context === context || !dependsOnOthers(raw))) return last.row;
    const row = stale ? { ...toRow(entry, false), stale } : toContainer(raw, context, { observedAt, stale });
    rows.set(raw, { context, row });
    return row;
  };
  const find = (fullId: string, stale: boolean): Known | null => {
    const entry = entries.get(fullId);
    return entry ? { raw: entry.raw, row: toRow(entry, stale), visible: index.isVisible(entry.raw) } : null;
  };
  /** A container under a former name, or under one that it is about to get. */
  const keepName = (fullId: string, name: string) => {
    const known = find(fullId, true) ?? former.get(fullId);
    if (known) former.set(`${fullId} ${name}`, { ...known, row: { ...known.row, name } });
  };
  const note = (raw: RawContainer) => {
    const { fullId, name } = raw;
    const last = entries.get(fullId) ?? former.get(fullId);
    if (last && last.raw.name !== name) keepName(fullId, name);
    heard.set(fullId, { raw, at: ++clock });
  };
  const createSnapshot = (stale: boolean): Snapshot => {
    // A single loop, because there may be thousands, and this runs ten times a second while
    // containers change.
    const all = [...entries.values()];
    const visible: Container[] = [];
    const environments = new Set<Environment>();
    for (const entry of all) {
      if (!index.isVisible(entry.raw)) continue;
      const row = toRow(entry, stale);
      visible.push(row);
      const env = toOwnerEnv(row);
      if (env) environments.add(env);
    }
    const listRaw = () => all.map(({ raw }) => raw);
    return {
      visible,
      environments,
      isInspected: all.every(({ raw }) => raw.variables !== null),
      listRetired: once(() => all.flatMap((entry) => (index.isRetired(entry.raw) ? [toRow(entry, stale)] : []))),
      listRunning: () => {
        const live = new Set(selectLive(listRaw()));
        return all.flatMap((entry) => (live.has(entry.raw) ? [toRow(entry, stale)] : []));
      },
      context: index.context(),
      known: (fullId) => find(fullId, stale),
    };
  };
  const getSnapshot = (stale: boolean) => {
    const snapshot = snapshots.get(stale) ?? createSnapshot(stale);
    snapshots.set(stale, snapshot);
    return snapshot;
  };
  const listStale = () => [...entries.values()].map((entry) => toRow(entry, true));
  const remove = (fullId: string) => {
    removed.set(fullId, ++clock);
    doubted.delete(fullId);
    moved.delete(fullId);
    heard.delete(fullId);
    const last = find(fullId, false);
    const before = former.get(fullId);
    // A list without a container may have been wrong.
    if (last && before && before.row.name !== last.row.name) former.set(`${fullId} ${before.row.name}`, before);
    if (last) former.set(fullId, last);
    index.remove(fullId);
    if (entries.delete(fullId)) change();
  };
  const unchanged = (listed: RawContainer): RawContainer => {
    const last = entries.get(listed.fullId)?.listed;
    if (last && last !== listed && JSON.stringify(last) === JSON.stringify(listed)) return last;
    index.prepare(listed);
    return listed;
  };
  return {
    begin: () => ++clock,
    unchanged,
    applyList(list, asked) {
      const changed: string[] = [];
      const seen = new Set<string>();
      // The list is newer than the events before it.
      for (const [fullId, { at }] of heard) if (at < asked) heard.delete(fullId);
      for (const { raw, recent } of list) {
        const listed = unchanged(raw);
        const { fullId } = listed;
        seen.add(fullId);
        if (isOutdated(fullId, asked)) continue;
        const known = entries.get(fullId);
        const inspected = known !== undefined && !recent && listsTheSame(listed, known);
        if (known && known.raw.name !== listed.name) note(listed);
        if (!inspected) changed.push(fullId);
        put(fullId, { listed, raw: known?.raw ?? listed, inspected, asked: known?.asked ?? asked });
      }
      for (const [fullId, entry] of entries) if (!seen.has(fullId) && entry.asked < asked) remove(fullId);
      for (const [fullId, at] of removed) if (at < asked) removed.delete(fullId);
      return changed;
    },
    learn(raw, asked) {
      const { fullId } = raw;
      if (isOutdated(fullId, asked)) return;
      if ((heard.get(fullId)?.at ?? asked) < asked) heard.delete(fullId);
      put(fullId, { listed: entries.get(fullId)?.listed ?? null, raw, inspected: true, asked });
      // One at a time: a snapshot would have to make the rows of thousands at once.
      find(fullId, false);
    },
    isInspected: (fullId) => entries.get(fullId)?.inspected ?? false,
    demote(fullId) {
      const { listed = null, raw, asked } = entries.get(fullId) ?? {};
      if (!listed || !raw || asked === undefined) return;
      const { hostname, image, variables } = raw;
      const runsOn = liveStates.has(raw.state) && liveStates.has(listed.state);
      const isCounted = runsOn && Math.max(allDoubted, doubted.get(fullId) ?? 0) < asked;
      const restarts = isCounted ? raw.restarts : null;
      const isStill = !liveStates.has(listed.state) && raw.state === listed.state && (moved.get(fullId) ?? 0) < asked;
      const { startedAt, finishedAt } = isStill ? raw : listed;
      const kept = { hostname, image, variables, restarts, startedAt, finishedAt };
      put(fullId, { listed, raw: { ...listed, ...kept }, inspected: false, asked });
    },
    doubtRestarts(fullId) {
      clock += 1;
      if (fullId === null) allDoubted = clock;
      else if (entries.has(fullId)) doubted.set(fullId, clock);
    },
    doubtTimes(fullId) {
      clock += 1;
      if (entries.has(fullId)) moved.set(fullId, clock);
    },
    remove,
    ids: () => [...entries.keys()],
    snapshot: getSnapshot,
    context: () => index.context(),
    hear(raw) {
      const { fullId, name } = raw;
      if (entries.get(fullId)?.raw.name === name) {
        heard.delete(fullId);
        return;
      }
      note(raw);
      if (!entries.has(fullId) && !former.has(fullId))
        former.set(`${fullId} ${name}`, { raw, row: toContainer(raw, index.context()), visible: false });
    },
    heard: () => [...heard.values()].map(({ raw }) => toContainer(raw, index.context())),
    listStale,
    everSeen() {
      if (hasForgotten) return null;
      return [...listStale(), ...[...former.values()].map(({ row }) => row)];
    },
    lastKnown: (fullId) => find(fullId, false) ?? former.get(fullId) ?? null,
  };
}

/**
 * Whether the row of a container depends on the others of its engine (EngineContext). Those of
 * Kamal's apps do not.
 */
function dependsOnOthers(raw: RawContainer): boolean {
  return toOrigin(raw) !== "app";
}

function createRows() {
  return new WeakMap<RawContainer, { readonly context: EngineContext; readonly row: Container }>();
}

/** Whether a list's entry is unchanged, and agrees with the inspection. */
function listsTheSame(listed: RawContainer, known: Entry): boolean {
  if (!known.inspected || listed.state !== known.raw.state || listed.name !== known.raw.name) return false;
  return listed === known.listed;
}
