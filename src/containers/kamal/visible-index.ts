import type { Environment } from "../../lib/environment.ts";
import { liveStates, type RawContainer } from "../container.ts";
import { toContainerEnv } from "./environment.ts";
import { isReplaced, toKind, toOrigin } from "./origin.ts";
import type { EngineContext } from "./rules.ts";
import { toRoleGroup } from "./visibility.ts";

/**
 * What the rules need of all containers of one engine together, updated as single ones change: the
 * same as `selectVisible` of the whole list, at the cost of the one that changed.
 */
export interface VisibleIndex {
  /** Adds a container, or replaces the one of the same id. */
  put(raw: RawContainer): void;
  /** Computes now what `put` of the same object would have to. */
  prepare(raw: RawContainer): void;
  remove(fullId: string): void;
  /** Whether callers may see it; it must have been put. */
  isVisible(raw: RawContainer): boolean;
  /**
   * Whether it is the hidden container of a Kamal app: of an old release, a stopped `_replaced_`
   * one, or one that never started. None is live. Kamal retains them, and with them the logs from
   * before the last deploy.
   */
  isRetired(raw: RawContainer): boolean;
  /** The same object while it does not change. */
  context(): EngineContext;
}

/** What one container adds, computed once for each of its states. */
interface Facts {
  readonly raw: RawContainer;
  readonly isEphemeral: boolean;
  /** Key of its role; null for a container that nobody deployed. */
  readonly group: string | null;
  readonly isLive: boolean;
  readonly isReplaced: boolean;
  readonly createdMs: number;
  /** Label `service` of a Kamal app; null for others. */
  readonly appService: string | null;
  /** The environment of an app of the product; undefined for others. */
  readonly ownEnv: Environment | null | undefined;
}

/** The members of one role by id. */
interface Group {
  readonly members: Map<string, Facts>;
  /** The newest stopped one where none is live; undefined until it is computed. */
  crashed: RawContainer | null | undefined;
}

export function createVisibleIndex(engine: Pick<EngineContext, "env" | "rules" | "hostNames">): VisibleIndex {
  const known = new Map<string, Facts>();
  const prepared = new WeakMap<RawContainer, Facts>();
  const groups = new Map<string, Group>();
  const services = new Map<string, number>();
  const envs = new Map<Environment | null, number>();
  let context: EngineContext | null = null;

  const toFacts = (raw: RawContainer): Facts => {
    const origin = toOrigin(raw);
    const isApp = origin === "app";
    return {
      raw,
      isEphemeral: origin === "ephemeral",
      group: toRoleGroup(raw, engine),
      isLive: liveStates.has(raw.state),
      isReplaced: isReplaced(raw.name),
      createdMs: Date.parse(raw.createdAt),
      appService: isApp ? (raw.labels["service"] ?? "") : null,
      ownEnv: isApp && toKind(raw, engine.rules) === "core" ? toContainerEnv(raw, engine) : undefined,
    };
  };
  const count = <Key>(counts: Map<Key, number>, key: Key, by: 1 | -1) => {
    const now = (counts.get(key) ?? 0) + by;
    if (now > 0) counts.set(key, now);
    else counts.delete(key);
    if (now === 0 || (by === 1 && now === 1)) context = null;
  };
  const add = ({ appService, ownEnv }: Facts, by: 1 | -1) => {
    if (appService !== null) count(services, appService, by);
    if (ownEnv !== undefined) count(envs, ownEnv, by);
  };
  const leaveGroup = ({ group: key, raw }: Facts) => {
    const group = key === null ? undefined : groups.get(key);
    if (!group || key === null) return;
    group.members.delete(raw.fullId);
    group.crashed = undefined;
    if (group.members.size === 0) groups.delete(key);
  };
  const joinGroup = (facts: Facts) => {
    const { group: key, raw } = facts;
    if (key === null) return;
    const group = groups.get(key) ?? { members: new Map<string, Facts>(), crashed: undefined };
    groups.set(key, group);
    group.members.set(raw.fullId, facts);
    group.crashed = undefined;
  };
  const isVisible = ({ fullId }: RawContainer): boolean => {
    const facts = known.get(fullId);
    if (!facts || facts.isEphemeral) return false;
    if (facts.isLive) return true;
    const group = facts.group === null ? undefined : groups.get(facts.group);
    if (!group) return false;
    if (group.crashed === undefined) group.crashed = findCrashed(group.members.values());
    return group.crashed === facts.raw;
  };
  return {
    isVisible,
    isRetired: (raw) => (known.get(raw.fullId)?.appService ?? null) !== null && !isVisible(raw),
    put(raw) {
      const before = known.get(raw.fullId);
      if (before?.raw === raw) return;
      const facts = prepared.get(raw) ?? toFacts(raw);
      known.set(raw.fullId, facts);
      // The new state is added before the old one is removed, so a service or an environment that
      // remains is never absent in between.
      add(facts, 1);
      if (before) add(before, -1);
      if (before && before.group !== facts.group) leaveGroup(before);
      joinGroup(facts);
    },
    prepare: (raw) => void (prepared.has(raw) || prepared.set(raw, toFacts(raw))),
    remove(fullId) {
      const before = known.get(fullId);
      if (!before) return;
      known.delete(fullId);
      add(before, -1);
      leaveGroup(before);
    },
    context() {
      if (context) return context;
      const [appsEnv = null] = envs.size === 1 ? envs.keys() : [];
      const appServices = [...services.keys()].toSorted((a, b) => b.length - a.length);
      const isForeign = services.size > 0 && envs.size === 0;
      context = { env: engine.env, rules: engine.rules, hostNames: engine.hostNames, appServices, appsEnv, isForeign };
      return context;
    },
  };
}

/**
 * As in `selectVisible`: the newest stopped container, unless one is live; those that Kamal
 * replaced do not count.
 */
function findCrashed(members: Iterable<Facts>): RawContainer | null {
  let newest: Facts | null = null;
  for (const one of members) {
    if (one.isReplaced) continue;
    if (one.isLive) return null;
    if (!newest || one.createdMs > newest.createdMs) newest = one;
  }
  return newest?.raw ?? null;
}
