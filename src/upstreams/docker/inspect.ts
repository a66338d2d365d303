import type { ContainerFacts } from "../../domain/container-facts.ts";
import { OpsError } from "../../errors.ts";
import { type InspectAnswer, inspectAnswer } from "./answers.ts";
import type { Engine } from "./engine.ts";
import { fromInspect } from "./facts.ts";
import { AnswerError } from "./status-error.ts";

/** One inspection: the facts, and what only our own calls need. */
export interface Inspection {
  readonly facts: ContainerFacts;
  readonly tty: boolean;
  /** Seconds that the container asks for between SIGTERM and SIGKILL, null for the engine's default. */
  readonly stopTimeout: number | null;
}

export interface Inspector {
  /** Asks the engine, and lets its inventory learn from it. Rejects with container_not_found, docker_timeout ... */
  inspect(engine: Engine, fullId: string, ...callers: AbortSignal[]): Promise<Inspection>;
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
