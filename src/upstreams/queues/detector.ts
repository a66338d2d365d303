import type { Logger } from "../../logger.ts";
import type { UnsupportedSystem } from "../../domain/queue.ts";
import { createFlight } from "../../domain/abortable.ts";
import { detectBrokers, detectTables, mostDetected } from "./detection.ts";
import type { Brokers, KindSource } from "./kind.ts";
import type { QueueSourceConfig } from "./kinds.ts";
import type { QueuesFile } from "./queues-file.ts";
import type { Database } from "./sql/pool.ts";

interface DetectorOptions extends Partial<QueuesFile> {
  readonly sources: readonly QueueSourceConfig[];
  readonly database: Database | null;
  readonly brokers: Brokers;
  readonly open: (config: QueueSourceConfig) => KindSource;
  readonly logger: Logger;
}

interface Detector {
  /** Those that are not configured by name or as the same thing, and not hidden. Rejects when the database was never asked with success. */
  sources(signal: AbortSignal): Promise<readonly KindSource[]>;
  /** What is in the database and is not read, at the last look. */
  unsupported(): readonly UnsupportedSystem[];
}

/** What is found is looked for again after this time, milliseconds: a job system may come, or go. */
const againMs = 60_000;

/** Finds the job systems that need no configuration. One that is found again is the same source, with what it remembers. */
export function createDetector({
  detect = true,
  hide = [],
  sources,
  database,
  brokers,
  open,
  logger,
}: DetectorOptions): Detector {
  if (!detect) return { sources: () => Promise.resolve([]), unsupported: () => [] };
  const known = new Map<string, KindSource>();
  let detected: readonly KindSource[] | null = null;
  let unsupported: readonly UnsupportedSystem[] = [];
  let askAgainAt = 0;
  let told = { names: "", isCut: false };

  const toSource = (config: QueueSourceConfig): KindSource => {
    const key = JSON.stringify(config);
    const source = known.get(key) ?? open(config);
    known.set(key, source);
    return source;
  };
  /** Once for each change: a look a minute says the same. */
  const tell = (found: readonly KindSource[], isCut: boolean) => {
    const names = found.map(({ name }) => name);
    const isChanged = names.join() !== told.names;
    if (isChanged && names.length > 0) logger.info({ sources: names }, "queue sources detected");
    if (isChanged && names.length === 0) logger.warn({}, "no queue sources are detected any more");
    if (isCut && (isChanged || !told.isCut))
      logger.warn({ most: mostDetected }, "more queue sources than are taken: some are left out");
    told = { names: names.join(), isCut };
  };
  const look = createFlight(async (signal) => {
    const tables = database ? await detectTables(database, signal) : null;
    const isCut = tables?.isCut ?? false;
    const found = [...detectBrokers(brokers), ...(tables?.configs ?? [])];
    unsupported = tables?.unsupported ?? [];
    const taken = new Set(sources.map(({ name }) => name));
    detected = found
      .filter((config) => !hide.includes(config.name) && !sources.some((source) => isSame(source, config)))
      .map((config) => toSource(rename(config, taken)));
    askAgainAt = performance.now() + againMs;
    tell(detected, isCut);
    return detected;
  });
  return {
    unsupported: () => unsupported,
    sources(signal) {
      const isDue = performance.now() >= askAgainAt;
      if (!detected || (detected.length === 0 && isDue)) return look(signal);
      // Nobody waits for another look.
      if (isDue) {
        askAgainAt = performance.now() + againMs;
        look(AbortSignal.timeout(againMs)).catch(() => {});
      }
      return Promise.resolve(detected);
    },
  };
}

/** Whether both read the same system in the same place: the configured one stands for the detected one. */
export function isSame(configured: QueueSourceConfig, detected: QueueSourceConfig): boolean {
  return configured.kind === detected.kind && schemaOf(configured) === schemaOf(detected);
}

function schemaOf(config: QueueSourceConfig): string | null {
  return "schema" in config ? config.schema : null;
}

/** A configured source keeps its name, and so does what was found before; a detected one gives way. No name is given twice: sources are found by it. */
function rename(config: QueueSourceConfig, taken: Set<string>): QueueSourceConfig {
  let { name } = config;
  for (let times = 1; taken.has(name); times += 1) {
    const suffix = times === 1 ? ":detected" : `:detected-${times}`;
    name = `${config.name.slice(0, 64 - suffix.length)}${suffix}`;
  }
  taken.add(name);
  return { ...config, name };
}
