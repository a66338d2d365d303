import { withDeadline } from "../../lib/abort.ts";
import { silentLogger } from "../../lib/logger.ts";
import { formatCount } from "../../lib/text.ts";
import type { Container } from "../container.ts";
import type { ContainerRules } from "../kamal/rules.ts";
import type { EngineOptions } from "./address.ts";
import { createEngineClient } from "./http/client.ts";
import { toDockerError } from "./http/errors.ts";
import { createContainerSource } from "./source.ts";
import { createCgroupReader } from "./stats/cgroup.ts";

/** Result of checking one engine: one line for people, with the reason and the remedy on failure. */
export interface EngineProbe {
  readonly ok: boolean;
  readonly detail: string;
  readonly warnings?: readonly string[];
}

/** Reads an engine's API version and containers, within `timeoutMs`. Never rejects. For `cli check`. */
export async function probeEngine(engine: EngineOptions, timeoutMs = 5000): Promise<EngineProbe> {
  const client = createEngineClient(engine.address);
  try {
    return await withDeadline(timeoutMs, async (signal) => {
      const version = await client.negotiate(signal);
      const containers = await client.listContainers(signal);
      return {
        ok: true,
        detail: `API ${version}, ${formatCount(Array.isArray(containers) ? containers.length : 0, "container")}`,
      };
    });
  } catch (error) {
    return { ok: false, detail: toDockerError(error, engine.name).message };
  } finally {
    client.close();
  }
}

/**
 * Counts an engine's containers by kind and environment. Warns of product containers that tokens of one environment cannot see. Says where statistics
 * come from. Null when reading the containers fails. For `cli check`.
 */
export async function probeContainers(
  engine: EngineOptions,
  rules: ContainerRules,
  cgroupRoot?: string,
): Promise<Omit<EngineProbe, "ok"> | null> {
  const source = createContainerSource({ engines: [engine], rules, logger: silentLogger });
  const signal = AbortSignal.timeout(5000);
  try {
    const { containers } = await source.list(signal);
    const unknown = containers.filter(({ kind, env }) => kind !== "other" && env === null).map(({ name }) => name);
    const warning =
      `of an unknown environment, which tokens of one environment do not see: ${unknown.slice(0, 5).join(", ")}` +
      `${unknown.length > 5 ? ` and ${unknown.length - 5} more` : ""} (see docs/containers.md)`;
    return {
      detail: `${countKinds(containers)}; ${describeStats(containers, cgroupRoot)}`,
      warnings: unknown.length > 0 ? [warning] : [],
    };
  } catch {
    return null;
  } finally {
    await source.close();
  }
}

/** Which way statistics of an engine's containers are taken, and why. Looks at a few that run. */
function describeStats(containers: readonly Container[], root?: string): string {
  const reader = createCgroupReader({ root });
  const running = containers.filter(({ status }) => status === "running").slice(0, 10);
  const [sample] = running.flatMap(({ fullId }) => reader.read(fullId) ?? []);
  if (sample) return `statistics: from ${reader.root}${sample.network === undefined ? ", networks from the engine" : ""}`;
  const reason = running[0] ? reader.explain(running[0].fullId) : "no container runs";
  return `statistics: from the engine, because ${reason}`;
}

/** `3 core (2 staging, 1 unknown), 1 other (1 production)` */
function countKinds(containers: readonly Container[]): string {
  const kinds = [...Map.groupBy(containers, ({ kind }) => kind)].map(([kind, own]) => {
    const envs = [...Map.groupBy(own, ({ env }) => env ?? "unknown")].map(([env, { length }]) => `${length} ${env}`);
    return `${own.length} ${kind} (${envs.join(", ")})`;
  });
  return kinds.length === 0 ? "nothing is shown" : `shown: ${kinds.join(", ")}`;
}
