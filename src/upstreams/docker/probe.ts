import { createEngineClient } from "./client.ts";
import { withDeadline } from "./deadline.ts";
import type { EngineOptions } from "./engine-options.ts";
import { toDockerError } from "./failure.ts";

/** Outcome of a look at one engine: one line for people, the reason and the remedy when it failed. */
export interface EngineProbe {
  readonly ok: boolean;
  readonly detail: string;
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
