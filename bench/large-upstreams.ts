import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Client } from "pg";
import { startPostgres } from "../script/services/postgres.ts";

/**
 * Queues with jobs that run on one host name, error texts, and hosts: as many as one read returns,
 * or one answer holds.
 */
const [queues, errors, hosts] = [1000, 2500, 4500];
/** The host name that `docker-fake.ts` gives to every container. */
const worker = "h-0123456789ab";

const source = {
  name: "runner",
  kind: "table",
  table: "public.jobs",
  queue: { column: "type" },
  id: "id",
  status: "status",
  waiting: ["pending"],
  active: ["running"],
  done: ["done"],
  failed: ["failed"],
  run_at: "run_at",
  started_at: "locked_at",
  finished_at: "finished_at",
  error: "last_error",
  worker: { column: "locked_by", form: "{host}" },
};

/**
 * A job table and the hosts of Prometheus, for the measurement of one piece. Each error is a text
 * of its own, of 2 to 7 kB.
 */
export async function startLargeUpstreams(folder: string) {
  const postgres = await startPostgres(join(folder, "postgres"));
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  await client.query(`
    create table jobs (id bigint primary key, type text, status text, run_at timestamptz, locked_at timestamptz,
      locked_by text, finished_at timestamptz, last_error text);
    insert into jobs
      select n, 'queue_' || n % ${queues}, 'running', now() - interval '1 hour', now() - interval '1 hour', '${worker}', null, null
      from generate_series(1, ${queues}) as n;
    insert into jobs
      select ${queues} + n, 'queue_' || n % ${queues}, 'failed', now() - interval '9 min', now() - interval '8 min', '${worker}',
             now() - interval '7 min', 'password=' || md5(n::text) || repeat(' at Object.<anonymous> (/app/jobs/' || chr(97 + n % 26) || '.js:1)', 50 + n % 100)
      from generate_series(1, ${errors}) as n;
    analyze jobs`);
  await client.end();
  const queuesFile = join(folder, "queues.json");
  writeFileSync(queuesFile, JSON.stringify({ sources: [source] }));
  const answers = { up: toAnswer("1"), down: toAnswer("0") };
  let state: keyof typeof answers = "up";
  const prometheus = createServer((_request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(answers[state]);
  }).listen(0, "127.0.0.1");
  await once(prometheus, "listening");
  const { port } = prometheus.address() as AddressInfo;
  return {
    env: {
      WALLET_CORE_OPS_DATABASE_URL: postgres.url,
      WALLET_CORE_OPS_QUEUES_FILE: queuesFile,
      WALLET_CORE_OPS_PROMETHEUS_URL: `http://127.0.0.1:${port}`,
    },
    queues: ["queue_1", "queue_2"],
    sources: [source.name],
    hosts: ["host-1", "host-2"],
    /** From now on, all hosts are down, or up. */
    setDown: (areDown: boolean) => void (state = areDown ? "down" : "up"),
    async [Symbol.asyncDispose]() {
      prometheus.close();
      prometheus.closeAllConnections();
      await postgres.stop();
    },
  };
}

function toAnswer(up: "0" | "1"): string {
  return JSON.stringify({ status: "success", data: { resultType: "vector", result: toVector(up) } });
}

function toVector(up: "0" | "1"): readonly object[] {
  const metrics = ["up", "uname", "cpu", "mem", "disk", "load1", "rx", "tx"];
  return Array.from({ length: hosts }, (_, index) =>
    metrics.map((metric) => ({
      metric: {
        m: metric,
        job: "node",
        instance: `10.${index >> 8}.${index & 255}.1:9100`,
        ...(metric === "uname" && { nodename: `host-${index}` }),
      },
      value: [1_768_300_000, metric === "up" ? up : "0.25"],
    })),
  ).flat();
}
