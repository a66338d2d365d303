import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { shippedCommand } from "../../bench/shipped.ts";
import { freePort, type Running, startProcess } from "../services/process.ts";

/** Where the gateway finds the jobs. */
interface Places {
  /** Databases by the name of their system. */
  readonly databases: Readonly<Record<string, string>>;
  readonly redisUrl: string;
  readonly rabbitmqUrl: string;
  /** The content of its QUEUES_FILE. */
  readonly queuesFile: object;
}

/** A queue as the gateway answers it, by GraphQL. */
export interface AnsweredQueue {
  readonly source: string;
  readonly name: string;
  readonly depth: number;
  readonly active: number | null;
  readonly deferred: number | null;
  readonly retrying: number | null;
  readonly dead: number | null;
  readonly processedPerSec: number | null;
  readonly failuresLastHour: number | null;
  readonly oldestAgeSeconds: number | null;
  readonly windowSeconds: number | null;
  readonly errors: readonly { readonly error: string; readonly count: number }[];
}

/** A queue as the documented REST endpoint answers it. */
interface RestQueue {
  readonly name: string;
  readonly source: string;
  readonly depth: number;
  readonly processed_per_sec: number | null;
  readonly failures_last_hour: number | null;
}

export interface Answers {
  readonly queues: readonly AnsweredQueue[];
  readonly rest: readonly RestQueue[];
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
          queues: AnsweredQueue[];
          queueSources: { name: string; ok: boolean; error: { message: string } | null }[];
        };
        errors?: readonly { readonly message: string }[];
      };
      if (errors) throw new Error(`the gateway answered: ${errors.map(({ message }) => message).join("; ")}`);
      const { queues: rest } = (await get("/api/v1/admin/ops/queues")) as { queues: RestQueue[] };
      const failing = data.queueSources.filter(({ ok }) => !ok);
      return {
        queues: data.queues,
        rest,
        failing: failing.map(({ name, error }) => `${name}: ${error?.message}`),
      };
    },
  };
}
