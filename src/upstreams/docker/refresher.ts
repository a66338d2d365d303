import { setTimeout as sleep } from "node:timers/promises";
import type { OpsError } from "../../errors.ts";
import type { Engine } from "./engine.ts";
import type { EngineEvent } from "./events.ts";
import { toDockerError } from "./failure.ts";
import type { Inspector } from "./inspect.ts";

export interface Refresher {
  /** Lists, and inspects every container; resolves when all are done or `patienceMs` after the list. Rejects when the list fails. */
  syncAll(patienceMs: number): Promise<void>;
  /** Lists, and inspects what changed. */
  sync(): Promise<void>;
  onEvent(event: EngineEvent): void;
  close(): void;
}

/** Events of one container within this time are one inspection, milliseconds. */
const coalesceMs = 150;
/** The state after `die` settles late: exited, or restarting under a policy. Milliseconds. */
const afterDieMs = 1000;

/** Brings an engine's inventory up to date, from lists, inspections and events. `onLost` is told when the engine itself is gone. */
export function createRefresher(
  engine: Engine,
  inspector: Inspector,
  listTimeoutMs: number,
  onLost: (error: OpsError) => void,
): Refresher {
  const { inventory } = engine;
  const dirty = new Set<string>();
  const running = new Set<string>();
  const afterDie = new Map<string, NodeJS.Timeout>();
  let timer: NodeJS.Timeout | null = null;

  const inspectOne = async (fullId: string, isFull: boolean): Promise<void> => {
    running.add(fullId);
    try {
      const inspect = () => inspector.inspect(engine, fullId);
      await engine.limit(() => (isFull ? engine.fullLimit(inspect) : inspect()));
    } catch (error) {
      const failure = toDockerError(error, engine.name);
      // One that is not found is forgotten by the inspector.
      if (failure.code === "docker_unavailable") onLost(failure);
      else if (failure.code !== "container_not_found") await listInstead(fullId);
    } finally {
      running.delete(fullId);
      engine.desk.settle(fullId);
    }
  };
  /** The list does not wait for a container that hangs; when it hangs too, it is the engine. */
  const listInstead = (fullId: string) => list().then(() => inventory.demote(fullId), onLost);
  let listing: Promise<string[]> | null = null;
  const ask = async () => {
    const asked = inventory.begin();
    return inventory.applyList(await engine.fetchList(listTimeoutMs), asked);
  };
  const list = () => (listing ??= ask().finally(() => (listing = null)));
  const inspectAll = async (ids: Iterable<string>, isFull = false) => {
    await Promise.all([...ids].filter((fullId) => !running.has(fullId)).map((fullId) => inspectOne(fullId, isFull)));
  };
  const flush = () => {
    timer = null;
    const ids = [...dirty];
    dirty.clear();
    // One that is being inspected may have been asked before this event: once more, after it.
    for (const fullId of ids) if (running.has(fullId)) mark(fullId);
    void inspectAll(ids);
  };
  const mark = (fullId: string) => {
    dirty.add(fullId);
    timer ??= setTimeout(flush, coalesceMs).unref();
  };
  return {
    async syncAll(patienceMs) {
      await list();
      const inspections = inspectAll(inventory.snapshot(false).facts.keys(), true);
      await Promise.race([inspections, sleep(patienceMs, null, { ref: false })]);
    },
    async sync() {
      await inspectAll(await list());
    },
    onEvent(event) {
      const { action, fullId } = event;
      engine.touch();
      engine.desk.onEvent(event);
      if (action === "start") engine.starts.ring(fullId);
      // A signal is no change yet: `die` is.
      if (action === "kill") return;
      if (action === "destroy") return inventory.remove(fullId);
      mark(fullId);
      if (action !== "die") return;
      clearTimeout(afterDie.get(fullId));
      const again = () => {
        afterDie.delete(fullId);
        mark(fullId);
      };
      afterDie.set(fullId, setTimeout(again, afterDieMs).unref());
    },
    close() {
      if (timer) clearTimeout(timer);
      for (const later of afterDie.values()) clearTimeout(later);
    },
  };
}
