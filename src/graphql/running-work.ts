import type { Container } from "../domain/container.ts";
import type { QueueSource, RunningJobs } from "../domain/queue.ts";
import { type RunningWork, toWorkerHosts, type WorkGap } from "../domain/restart-preview.ts";
import { toProblem } from "../errors.ts";
import type { QueueLoaders } from "./loaders/queues.ts";

interface Told {
  readonly found: RunningJobs | null;
  readonly gap: WorkGap | null;
}

/** Asks every source that the caller may see. Never rejects: what could not be learned is named. */
export async function findRunningWork(
  container: Container,
  all: readonly Container[],
  queues: QueueLoaders,
  signal: AbortSignal,
): Promise<RunningWork> {
  const hosts = toWorkerHosts(container, all);
  if (hosts === null) return unknown(`another container has its host name, ${container.host}`);
  try {
    const sources = await queues.visible();
    if (sources.length === 0) return unknown("no queue source is configured");
    const told = await Promise.all(sources.map((source) => ask(source, hosts, signal)));
    const answers = told.flatMap(({ found }) => found ?? []);
    const gaps = told.flatMap(({ gap }) => gap ?? []);
    if (answers.length === 0) return { jobs: null, total: null, gaps };
    return { jobs: answers.flatMap(({ jobs }) => jobs), total: answers.reduce((sum, { total }) => sum + total, 0), gaps };
  } catch (error) {
    return unknown(toProblem(error).message);
  }
}

async function ask(source: QueueSource, hosts: readonly string[], signal: AbortSignal): Promise<Told> {
  const { name } = source;
  if (!source.running) return { found: null, gap: { source: name, reason: "its rows do not tell on which host a job runs" } };
  try {
    const found = await source.running(hosts, signal);
    const reason = `${found.unnamed} of its running jobs do not tell on which host`;
    return { found, gap: found.unnamed > 0 ? { source: name, reason } : null };
  } catch (error) {
    return { found: null, gap: { source: name, reason: toProblem(error).message } };
  }
}

function unknown(reason: string): RunningWork {
  return { jobs: null, total: null, gaps: [{ source: null, reason }] };
}
