import { OpsError } from "../../../lib/errors.ts";
import type { RawContainer } from "../../facts.ts";
import { fromInspect, type InspectAnswer, inspectAnswer } from "../http/answers.ts";
import { AnswerError } from "../http/errors.ts";
import type { EngineClient } from "../http/client.ts";
import type { Inventory } from "./inventory.ts";

/** What an inspection needs of an engine. */
export interface InspectedEngine {
  readonly name: string;
  readonly client: Pick<EngineClient, "call">;
  readonly inventory: Inventory;
  ask<T>(deadlineMs: number, run: (signal: AbortSignal) => Promise<T>, ...callers: AbortSignal[]): Promise<T>;
}

/** One inspection: the container, and what only our own calls need. */
export interface Inspection {
  readonly facts: RawContainer;
  readonly tty: boolean;
  /** Seconds that the container asks for between SIGTERM and SIGKILL, null for the engine's default. */
  readonly stopTimeout: number | null;
}

export interface Inspector {
  /** Asks the engine and updates its inventory. Rejects with container_not_found, docker_timeout ... */
  inspect(engine: InspectedEngine, fullId: string, ...callers: AbortSignal[]): Promise<Inspection>;
}

export function createInspector(timeoutMs: number): Inspector {
  return {
    async inspect(engine, fullId, ...callers) {
      const asked = engine.inventory.begin();
      const ask = async (signal: AbortSignal) => toAnswer(await engine.client.call(fullId, "json", {}, signal), fullId);
      try {
        const data = await engine.ask(timeoutMs, ask, ...callers);
        const facts = fromInspect(data, engine.name);
        engine.inventory.learn(facts, asked);
        return { facts, tty: data.Config.Tty ?? false, stopTimeout: data.Config.StopTimeout };
      } catch (error) {
        if (error instanceof OpsError && error.code === "container_not_found") engine.inventory.remove(fullId);
        throw error;
      }
    },
  };
}

function toAnswer(answer: unknown, fullId: string): InspectAnswer {
  const { success, data } = inspectAnswer.safeParse(answer);
  if (!success || data.Id !== fullId) throw new AnswerError("its inspection of a container is none");
  return data;
}
