import { setTimeout as sleep } from "node:timers/promises";
import type { ContainerStats } from "../../domain/container.ts";
import { type StatsSample, toContainerStats } from "../../domain/stats.ts";
import { OpsError } from "../../errors.ts";
import { statsAnswer } from "./answers.ts";
import { abortable } from "./deadline.ts";
import type { Engine } from "./engine.ts";
import { toDockerError } from "./failure.ts";
import { AnswerError } from "./status-error.ts";

export interface Sampler {
  /** Null for a container that is not running or has vanished. Joins a measurement of the same container that is under way. */
  measure(engine: Engine, fullId: string, signal: AbortSignal): Promise<ContainerStats | null>;
}

/**
 * Measures containers by two one-shot samples `windowMs` apart. A single one holds no earlier sample, and the engine's own pair
 * (`stream=false`) takes two seconds.
 */
export function createSampler({ windowMs, timeoutMs }: { windowMs: number; timeoutMs: number }): Sampler {
  const running = new Map<string, Promise<ContainerStats | null>>();

  const sample = (engine: Engine, fullId: string): Promise<StatsSample> =>
    engine.limit(() =>
      engine.ask(timeoutMs, async (signal) =>
        toSample(await engine.client.call(fullId, "stats", { stream: "false", "one-shot": "true" }, signal)),
      ),
    );
  const measure = async (engine: Engine, fullId: string) => {
    try {
      const first = await sample(engine, fullId);
      // A stopped container is known by its first sample: no need to wait for the second.
      if (toContainerStats(first, first) === null) return null;
      await sleep(windowMs);
      return toContainerStats(first, await sample(engine, fullId));
    } catch (error) {
      if (error instanceof OpsError && error.code === "container_not_found") return null;
      throw error;
    } finally {
      running.delete(fullId);
    }
  };
  return {
    measure: (engine, fullId, signal) =>
      abortable(signal, () => {
        const joined = running.get(fullId) ?? measure(engine, fullId);
        running.set(fullId, joined);
        return joined;
      }).catch((error: unknown) => {
        throw toDockerError(error, engine.name);
      }),
  };
}

function toSample(answer: unknown): StatsSample {
  const { success, data } = statsAnswer.safeParse(answer);
  if (!success) throw new AnswerError("its statistics of a container are none");
  const { cpu_stats: cpu, memory_stats: memory } = data;
  return {
    readAt: data.read,
    cpuTotal: cpu?.cpu_usage?.total_usage ?? null,
    cpuSystem: cpu?.system_cpu_usage ?? null,
    onlineCpus: cpu?.online_cpus || (cpu?.cpu_usage?.percpu_usage?.length ?? 0),
    memUsage: memory?.usage ?? null,
    memLimit: memory?.limit ?? null,
    memDetail: memory?.stats ?? {},
    pids: data.pids_stats?.current ?? null,
  };
}
