import { repeat } from "../lib/abort.ts";
import type { Logger } from "../lib/logger.ts";
import { toUnixSeconds } from "../lib/time.ts";
import { createSharing, toSharedKey } from "../state/sharing.ts";
import { type DeployLog, type DeployRecord, type DeploySource, isOfSameGroup } from "./deploy.ts";
import { toInfoRecord } from "./merge.ts";

export interface SharedDeploy {
  /** Identifies the deploy: the same text in every gateway that reads it. */
  readonly key: string;
  readonly record: DeployRecord;
}

/**
 * Where gateways share the deploys that they read from files. Rejects with OpsError
 * `postgres_unavailable`.
 */
export interface DeployStore {
  /**
   * Writes what is new, and forgets what is older than these days. Returns the last `mostDeploys`
   * of all gateways, in the order in which they were written; null: as at the last call.
   */
  exchange(own: readonly SharedDeploy[], days: number): Promise<readonly SharedDeploy[] | null>;
}

interface SharedDeploysOptions {
  readonly source: DeploySource;
  readonly store: DeployStore;
  readonly logger: Logger;
  /** How long deploys are retained. */
  readonly days: number;
}

/** The deploys of this gateway's files, and those that other gateways read from theirs. */
interface SharedDeploySource extends DeploySource {
  /** Writes what is new in the files, and reads what others wrote. Never rejects. */
  sync(): Promise<void>;
  /** Calls `sync` every 5 s. Returns a function that stops it. */
  start(): () => Promise<void>;
}

/** How many are shared. */
export const mostDeploys = 1000;
const everyMs = 5000;
const readMs = 2000;
const daySeconds = 86_400;
/** Hosts write the line of one deploy into their audit logs at most this far apart, seconds. */
const sameLineSeconds = 600;

/** What other gateways read is in memory, so that an answer waits for no database. */
export function createSharedDeploySource({ source, store, logger, days }: SharedDeploysOptions): SharedDeploySource {
  /** Of all gateways, in the order in which they were written. */
  let shared: readonly SharedDeploy[] = [];
  /** Not again, unless the table lost one. */
  let sent = new Set<string>();
  let others: readonly DeployLog[] = [];
  let ownKeys = "";
  const exchange = async () => {
    const own = (await readOwn(source)).map((record) => ({ key: toKey(record), record }));
    const oldest = Date.now() / 1000 - days * daySeconds;
    const fresh = own.filter(({ key, record }) => !sent.has(key) && toUnixSeconds(record.deployedAt) >= oldest);
    const found = await store.exchange(fresh, days);
    for (const { key } of fresh) sent.add(key);
    const there = found && new Set(found.map(({ key }) => key));
    if (there && there.size < mostDeploys && shared.some(({ key }) => !there.has(key))) sent = there;
    const keys = own.map(({ key }) => key).join();
    if (found === null && keys === ownKeys) return;
    shared = found ?? shared;
    others = toLogs(shared, own);
    ownKeys = keys;
  };
  const { sync, error } = createSharing(exchange, { logger, upstream: "deploy_info", what: "Deploys" });
  return {
    read: (signal) => source.read(signal),
    async history(signal) {
      const own = await source.history(signal);
      const failure = error();
      const failed: readonly DeployLog[] = failure
        ? [{ ...blank, origin: "history", records: [], error: failure }]
        : [];
      // The others first: within one origin the order counts, and the last ones are in our own
      // file.
      return [...failed, ...others, ...own];
    },
    sync,
    start: () => repeat(everyMs, sync),
  };
}

/** What cannot be read now is read at the next call. */
async function readOwn(source: DeploySource): Promise<readonly DeployRecord[]> {
  const signal = AbortSignal.timeout(readMs);
  const [logs, info] = await Promise.all([
    source.history(signal).catch(() => []),
    source.read(signal).catch(() => null),
  ]);
  return [...logs.flatMap(({ records }) => records), ...(info && !info.stale ? [toInfoRecord(info)] : [])];
}

const blank = { skipped: 0, complete: true, error: null };

/** What others know beyond our own files: a log for each origin. */
function toLogs(shared: readonly SharedDeploy[], own: readonly SharedDeploy[]): readonly DeployLog[] {
  const ownKeys = new Set(own.map(({ key }) => key));
  const lines = own.map(({ record }) => record);
  const more: DeployRecord[] = [];
  for (const { key, record } of shared) {
    if (ownKeys.has(key)) continue;
    if (record.origin === "kamal_audit" && [...lines, ...more].some((one) => isSameLine(one, record))) continue;
    more.push(record);
  }
  return [...Map.groupBy(more, ({ origin }) => origin)].map(([origin, records]) => ({ ...blank, origin, records }));
}

/** Whether the audit logs of two hosts have the same deploy, by clocks of their own. */
function isSameLine(a: DeployRecord, b: DeployRecord): boolean {
  const apart = Math.abs(toUnixSeconds(a.deployedAt) - toUnixSeconds(b.deployedAt));
  return a.origin === b.origin && a.version === b.version && isOfSameGroup(a, b) && apart <= sameLineSeconds;
}

function toKey({ origin, service, destination, tag, version, deployedAt }: DeployRecord): string {
  return toSharedKey([origin, service, destination, tag, version, deployedAt]);
}
