import { withDeadline } from "../../lib/abort.ts";
import { silentLogger } from "../../lib/logger.ts";
import type { Container } from "../container.ts";
import type { ContainerRules } from "../facts.ts";
import type { EngineOptions } from "./address.ts";
import { createEngineClient } from "./http/client.ts";
import { toDockerError } from "./http/errors.ts";
import { createContainerSource } from "./source.ts";

/** Outcome of a look at one engine: one line for people, the reason and the remedy when it failed. */
export interface EngineProbe {
  readonly ok: boolean;
  readonly detail: string;
  readonly warnings?: readonly string[];
}

/** Asks an engine for its API version and its containers, in at most `timeoutMs`. Never rejects. For `cli check`. */
export async function probeEngine(engine: EngineOptions, timeoutMs = 5000): Promise<EngineProbe> {
  const client = createEngineClient(engine.address);
  try {
    return await withDeadline(timeoutMs, async (signal) => {
      const version = await client.negotiate(signal);
      const containers = await client.listContainers(signal);
      return { ok: true, detail: `API ${version}, ${Array.isArray(containers) ? containers.length : 0} containers` };
    });
  } catch (error) {
    return { ok: false, detail: toDockerError(error, engine.name).message };
  } finally {
    client.close();
  }
}

/**
 * Whose the containers are that an engine shows, and of which environment, with a warning for what limited tokens do not see of the product. Null when
 * the engine does not say. For `cli check`.
 */
export async function probeContainers(engine: EngineOptions, rules: ContainerRules): Promise<Omit<EngineProbe, "ok"> | null> {
  const source = createContainerSource({ engines: [engine], rules, logger: silentLogger });
  const signal = AbortSignal.timeout(5000);
  try {
    const rows = await source.inspect((await source.list(signal)).containers, signal);
    const containers = rows.filter((row): row is Container => row !== null && !(row instanceof Error));
    const unknown = containers.filter(({ kind, env }) => kind !== "other" && env === null).map(({ name }) => name);
    const warning =
      `of an unknown environment, which tokens of one environment do not see: ${unknown.slice(0, 5).join(", ")}` +
      `${unknown.length > 5 ? ` and ${unknown.length - 5} more` : ""} (see docs/containers.md)`;
    return { detail: countKinds(containers), warnings: unknown.length > 0 ? [warning] : [] };
  } catch {
    return null;
  } finally {
    await source.close();
  }
}

/** `3 core (2 staging, 1 unknown), 1 other (1 production)` */
function countKinds(containers: readonly Container[]): string {
  const kinds = [...Map.groupBy(containers, ({ kind }) => kind)].map(([kind, own]) => {
    const envs = [...Map.groupBy(own, ({ env }) => env ?? "unknown")].map(([env, { length }]) => `${length} ${env}`);
    return `${own.length} ${kind} (${envs.join(", ")})`;
  });
  return kinds.length === 0 ? "nothing is shown" : `shown: ${kinds.join(", ")}`;
}
