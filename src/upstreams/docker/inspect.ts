import { LRUCache } from "lru-cache";
import type { Container, ContainerRef } from "../../domain/container.ts";
import type { ContainerFacts } from "../../domain/container-facts.ts";
import { toContainer } from "../../domain/kamal.ts";
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

interface InspectSignals {
  /** Ends everything. */
  readonly caller: AbortSignal;
  /** Ends the inspection only: what is left is answered from the list. */
  readonly batch: AbortSignal;
}

export interface Inspector {
  /** Rejects with container_not_found, docker_timeout ... */
  inspect(engine: Engine, fullId: string, ...callers: AbortSignal[]): Promise<Inspection>;
  /** As the port says: null for one that vanished, the list's entry for one that hangs or is refused while its engine is there. */
  toContainer(engine: Engine, ref: ContainerRef, signals: InspectSignals): Promise<Container | null>;
}

export function createInspector(timeoutMs: number): Inspector {
  // What a container was created with never changes: for one that hangs later. By full id, which no two containers share.
  const seen = new LRUCache<string, ContainerFacts>({ max: 2000 });

  const inspect: Inspector["inspect"] = async (engine, fullId, ...callers) => {
    const ask = async (signal: AbortSignal) => toAnswer(await engine.client.call(fullId, "json", {}, signal), fullId);
    const data = await engine.ask(timeoutMs, ask, ...callers);
    const facts = fromInspect(data, engine.name);
    seen.set(fullId, facts);
    return { facts, tty: data.Config.Tty ?? false, stopTimeout: data.Config.StopTimeout };
  };
  return {
    inspect,
    async toContainer(engine, { fullId }, { caller, batch }) {
      const snapshot = await engine.known(caller);
      try {
        const { facts } = await inspect(engine, fullId, caller, batch);
        return toContainer(facts, snapshot.context);
      } catch (error) {
        if (!(error instanceof OpsError)) throw error;
        if (error.code === "container_not_found") return null;
        const listed = snapshot.facts.get(fullId);
        if (error.code === "docker_unavailable" || caller.aborted || !listed) throw error;
        const { hostname, image, variables } = seen.get(fullId) ?? listed;
        return toContainer({ ...listed, hostname, image, variables }, snapshot.context);
      }
    },
  };
}

function toAnswer(answer: unknown, fullId: string): InspectAnswer {
  const { success, data } = inspectAnswer.safeParse(answer);
  if (!success || data.Id !== fullId) throw new AnswerError("its inspection of a container is none");
  return data;
}
