import { hostname } from "node:os";
import pLimit, { type LimitFunction } from "p-limit";
import type { ContainerRef, ListedContainer } from "../../domain/container.ts";
import type { ContainerFacts, EngineContext } from "../../domain/container-facts.ts";
import { toEngineContext, toListed } from "../../domain/kamal.ts";
import { selectVisible } from "../../domain/kamal-visible.ts";
import { OpsError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import { listAnswer } from "./answers.ts";
import { createEngineClient, type EngineClient } from "./client.ts";
import { abortable, withDeadline } from "./deadline.ts";
import type { EngineOptions } from "./engine-options.ts";
import { fromList } from "./facts.ts";
import { isLost, toDockerError } from "./failure.ts";
import { AnswerError } from "./status-error.ts";

/** One answer of an engine's list, with what it says about all containers together. */
interface Snapshot {
  readonly facts: ReadonlyMap<string, ContainerFacts>;
  readonly visible: readonly ListedContainer[];
  readonly context: EngineContext;
}

/** One engine: its connection, its last list, and how its failures are told. */
export interface Engine {
  readonly name: string;
  readonly client: EngineClient;
  /** Bounds the calls for single containers in flight. */
  readonly limit: LimitFunction;
  /** Asks for the list, or joins a call that is already out. */
  list(signal: AbortSignal): Promise<Snapshot>;
  /** The last list, whatever its age; asks when there is none. */
  known(signal: AbortSignal): Promise<Snapshot>;
  /** Runs a call with one total deadline; whatever fails comes out as an OpsError. */
  ask<T>(deadlineMs: number, run: (signal: AbortSignal) => Promise<T>, ...callers: AbortSignal[]): Promise<T>;
}

interface EngineSettings {
  readonly service: string;
  readonly logger: Logger;
  readonly listTimeoutMs: number;
  readonly concurrency: number;
}

export function createEngine(options: EngineOptions, settings: EngineSettings): Engine {
  const { name, address, env } = options;
  const client = createEngineClient(address);
  const hostNames = [name, address.kind === "tcp" ? address.host : hostname()];
  let last: Snapshot | null = null;
  let running: Promise<Snapshot> | null = null;
  let lastError: string | null = null;

  const ask: Engine["ask"] = async (deadlineMs, run, ...callers) => {
    try {
      return await withDeadline(deadlineMs, run, ...callers);
    } catch (error) {
      const failure = toDockerError(error, name);
      if (isLost(failure)) client.forget();
      throw failure;
    }
  };
  /** One line for each change of state, not for each request. */
  const report = (error: OpsError | null) => {
    const state = error?.code ?? null;
    if (state === lastError) return;
    if (error)
      settings.logger.warn({ engine: name, code: error.code, cause: String(error.cause) }, "Docker engine cannot be asked");
    else settings.logger.info({ engine: name }, "Docker engine answers again");
    lastError = state;
  };
  const fetchList = async () => {
    try {
      const facts = toFacts(await ask(settings.listTimeoutMs, (signal) => client.listContainers(signal)), name);
      const context = toEngineContext(facts, { env, service: settings.service, hostNames });
      const visible = selectVisible(facts).map((container) => toListed(container, settings.service));
      last = { facts: new Map(facts.map((container) => [container.fullId, container])), visible, context };
      report(null);
      return last;
    } catch (error) {
      report(toDockerError(error, name));
      throw error;
    } finally {
      running = null;
    }
  };
  const list = (signal: AbortSignal) =>
    abortable(signal, () => (running ??= fetchList())).catch((error: unknown) => {
      throw toDockerError(error, name);
    });
  return {
    name,
    client,
    limit: pLimit(settings.concurrency),
    list,
    known: (signal) => (last ? Promise.resolve(last) : list(signal)),
    ask,
  };
}

/** The engine that a reference names; a reference comes from our own list, so an unknown one is a vanished container. */
export function findEngine(engines: ReadonlyMap<string, Engine>, ref: ContainerRef): Engine {
  const engine = engines.get(ref.engine);
  if (!engine) throw new OpsError("container_not_found", "No such container");
  return engine;
}

/** Elements that are no containers are left out: one odd container must not hide the others. */
function toFacts(answer: unknown, engine: string): ContainerFacts[] {
  if (!Array.isArray(answer)) throw new AnswerError("its list of containers is none: is this really a Docker engine?");
  return answer.flatMap((element) => {
    const parsed = listAnswer.safeParse(element);
    return parsed.success ? [fromList(parsed.data, engine)] : [];
  });
}
