import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { shippedCommand } from "../../bench/shipped.ts";
import { freePort, type Running, startProcess } from "../services/process.ts";
import type { Figures } from "./figures.ts";

/** Where the gateway finds the jobs. */
interface Places {
  /** Databases by the name of their system. */
  readonly databases: Readonly<Record<string, string>>;
  readonly redisUrl: string;
  readonly rabbitmqUrl: string;
  /** The content of its QUEUES_FILE. */
  readonly queuesFile: object;
}

/** A queue as the gateway answers it. */
export interface AnsweredQueue extends Omit<Figures, "processed" | "failures"> {
  readonly source: string;
  readonly name: string;
  readonly processedPerSec: number | null;
  readonly failuresLastHour: number | null;
  readonly windowSeconds: number | null;
}

/** How often an error happened in a queue. */
interface AnsweredError {
  readonly queue: string;
  readonly error: string;
  readonly count: number;
}

/** By GraphQL all errors of each queue; by REST the newest of all queues. */
export interface Answers {
  readonly graphql: { readonly queues: readonly AnsweredQueue[]; readonly errors: readonly AnsweredError[] };
  readonly rest: Answers["graphql"];
  /** Of its sources: those that it cannot read. */
  readonly failing: readonly string[];
}

export interface CountedGateway extends Running {
  /** Both answers, one after the other. */
  ask(): Promise<Answers>;
}

const question = `{
  queues {
    source name depth active deferred retrying dead processedPerSec failuresLastHour oldestAgeSeconds windowSeconds
    paused workers waitP50Seconds waitP95Seconds runP50Seconds runP95Seconds
    errors(first: 50) { error count }
  }
  queueSources { name ok error { message } }
}`;

/** The built gateway, as the image runs it, with nothing but jobs to read. */
export async function startGateway(folder: string, places: Places): Promise<CountedGateway> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const token = randomBytes(24).toString("base64url");
  const queuesFile = join(folder, "queues.json");
  writeFileSync(queuesFile, JSON.stringify(places.queuesFile));
  const settings = {
    HOST: "127.0.0.1",
    PORT: String(port),
    TOKEN: token,
    ENV: "staging",
    DOCKER_HOSTS: `unix://${join(folder, "no-docker.sock")}`,
    PROMETHEUS_URL: "http://127.0.0.1:1",
    DATABASE_URL: Object.entries(places.databases)
      .map(([name, address]) => `${name}=${address}`)
      .join(),
    REDIS_URL: places.redisUrl,
    RABBITMQ_URL: places.rabbitmqUrl,
    QUEUES_FILE: queuesFile,
  };
  const { args, env } = shippedCommand();
  const headers = { authorization: `Bearer ${token}` };
  const running = await startProcess({
    command: process.execPath,
    args,
    env: {
      ...env,
      ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [`WALLET_CORE_OPS_${name}`, value])),
    },
    logFile: join(folder, "gateway.log"),
    ready: async () => (await fetch(`${url}/graphql?query={__typename}`, { headers })).ok,
  });
  const get = async (path: string) => (await fetch(url + path, { headers })).json();
  return {
    ...running,
    async ask() {
      const { data, errors } = (await get(`/graphql?query=${encodeURIComponent(question)}`)) as {
        data: {
          queues: (AnsweredQueue & { errors: Omit<AnsweredError, "queue">[] })[];
          queueSources: { name: string; ok: boolean; error: { message: string } | null }[];
        };
        errors?: readonly { readonly message: string }[];
      };
      if (errors) throw new Error(`the gateway answered: ${errors.map(({ message }) => message).join("; ")}`);
      const rest = (await get("/api/v1/admin/ops/queues")) as { queues: object[]; errors: AnsweredError[] };
      const failing = data.queueSources.filter(({ ok }) => !ok);
      return {
        graphql: {
          queues: data.queues,
          errors: data.queues.flatMap(({ name, errors: own }) => own.map((error) => ({ queue: name, ...error }))),
        },
        rest: { queues: rest.queues.map((queue) => toCamelCase(queue) as AnsweredQueue), errors: rest.errors },
        failing: failing.map(({ name, error }) => `${name}: ${error?.message}`),
      };
    },
  };
}

/** `processed_per_sec` is `processedPerSec`, as it is by GraphQL. */
function toCamelCase(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name.replaceAll(/_(\w)/g, (_, first: string) => first.toUpperCase()),
      value as unknown,
    ]),
  );
}
