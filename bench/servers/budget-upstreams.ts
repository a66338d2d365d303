import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { inspected, listed } from "../../test/support/docker-fake.ts";
import { frame } from "../../test/support/docker-frames.ts";

/**
 * An engine with long logs and a Prometheus with a long past, for the budget bench, which answer
 * every request.
 */
const [containers, hosts] = process.argv.slice(2).map(Number) as [number, number];
const lines = 20_000;
/** Time of the first line, epoch milliseconds, and the interval. */
const [firstMs, everyMs] = [1_768_297_200_000, 100];

const ids = Array.from({ length: containers }, (_, index) => index.toString(16).padStart(64, "0"));
const toName = (id: string) =>
  `wallet-core-${Number.parseInt(id, 16) % 2 ? "web" : "worker"}-staging-${Number.parseInt(id, 16)}`;
const labelsOf = (id: string) => ({
  service: "wallet-core",
  role: Number.parseInt(id, 16) % 2 ? "web" : "worker",
  destination: "staging",
});

/** Concatenated frames, and where each begins. */
interface Log {
  readonly bytes: Buffer;
  readonly starts: readonly number[];
}

function makeLog(length: number): Log {
  const frames = Array.from({ length: Math.min(lines, Math.floor(60_000_000 / length)) }, (_, index) => {
    const time = new Date(firstMs + index * everyMs).toISOString().replace("Z", "000000Z");
    const text = `${index} INFO worked off job ${index * 7} "of" the queue mailers password=hunter2 `.padEnd(
      length,
      "abcdefgh 0123456789 ",
    );
    return frame(index % 3 ? "stdout" : "stderr", Buffer.from(`${time} ${text}\n`));
  });
  const starts: number[] = [];
  let at = 0;
  for (const one of frames) {
    starts.push(at);
    at += one.length;
  }
  return { bytes: Buffer.concat(frames), starts };
}

/** Short, middle and long lines: 2, 20 and 60 MB. */
const logs = [makeLog(100), makeLog(1000), makeLog(15_000)];

function sendLog(url: URL, id: string, response: ServerResponse): void {
  const { bytes, starts } = logs[Number.parseInt(id, 16) % logs.length] as Log;
  const tail = url.searchParams.get("tail");
  const first = tail === "all" || tail === null ? 0 : Math.max(0, starts.length - Number(tail));
  const since = Math.ceil((Number(url.searchParams.get("since") ?? 0) * 1000 - firstMs) / everyMs);
  const start = starts[Math.max(first, since)] ?? bytes.length;
  response.writeHead(200);
  if (url.searchParams.get("follow") === "1") response.write(bytes.subarray(bytes.length - 200_000));
  else response.end(bytes.subarray(start));
}

const stats = {
  read: "2026-01-13T09:40:01Z",
  cpu_stats: { cpu_usage: { total_usage: 1e9 }, system_cpu_usage: 1e11, online_cpus: 2 },
  memory_stats: { usage: 1e8, limit: 4e8, stats: {} },
};

const list = JSON.stringify(ids.map((id) => listed(id, toName(id), { Labels: labelsOf(id) })));

function answerEngine(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? "", "http://engine");
  const [, id = ""] = /\/containers\/([0-9a-f]{64})\//.exec(url.pathname) ?? [];
  if (url.pathname.endsWith("/_ping")) response.writeHead(200, { "api-version": "1.45" }).end("OK");
  else if (url.pathname.endsWith("/events")) response.writeHead(200).flushHeaders();
  else if (url.pathname.endsWith("/containers/json")) response.end(list);
  else if (url.pathname.endsWith("/logs")) sendLog(url, id, response);
  else if (url.pathname.endsWith("/stats")) {
    stats.cpu_stats.cpu_usage.total_usage += 1e8;
    stats.cpu_stats.system_cpu_usage += 1e9;
    response.end(JSON.stringify({ ...stats, read: new Date().toISOString() }));
  } else if (id) {
    const config = { Labels: labelsOf(id), Env: ["KAMAL_VERSION=v1", `KAMAL_CONTAINER_NAME=${toName(id)}`] };
    response.end(JSON.stringify(inspected(id, toName(id), config)));
  } else response.end("[]");
}

const hostMetrics = { up: 1, cpu: 0.41, mem: 0.64, disk: 0.5, load1: 1.25, rx: 1000, tx: 2000 };
const instances = Array.from({ length: hosts }, (_, index) => `10.0.0.${index}:9100`);

function toVector(): object[] {
  const now = Date.now() / 1000;
  return instances.flatMap((instance, index) => [
    ...Object.entries(hostMetrics).map(([m, value]) => ({
      metric: { m, job: "node", instance },
      value: [now, String(value)],
    })),
    { metric: { m: "uname", job: "node", instance, nodename: `host-${index}` }, value: [now, "1"] },
  ]);
}

/** The text of a matrix, built as a string because a whole history has several megabytes. */
function toMatrix(form: URLSearchParams): string {
  const [start, end, step] = ["start", "end", "step"].map((name) => Number(form.get(name))) as [number, number, number];
  const query = form.get("query") ?? "";
  const times = Array.from(
    { length: Math.min(11_001, Math.floor((end - start) / step) + 1) },
    (_, index) => start + index * step,
  );
  const constant = (value: string) => `[${times.map((time) => `[${time},"${value}"]`).join()}]`;
  const sampled = `[${times.map((time) => `[${time},"${time}"]`).join()}]`;
  const isOfHosts = query.includes("node_");
  const values = isOfHosts
    ? {
        sampled,
        up: constant("1"),
        cpu: constant("0.4123"),
        mem: constant("0.6401"),
        disk: constant("0.5"),
        load1: constant("1.25"),
      }
    : { sampled, cpu: constant("12.5"), mem: constant("34.25"), restarts: constant("0") };
  const targets = isOfHosts
    ? instances
        .filter((instance) => query.includes(instance.replaceAll(".", "\\\\.")))
        .map((instance) => ({ job: "node", instance }))
    : ids.map((id) => ({ engine: "bench", name: toName(id), env: "staging" }));
  const series = targets.flatMap((labels) =>
    Object.entries(values).map(([m, text]) => `{"metric":${JSON.stringify({ ...labels, m })},"values":${text}}`),
  );
  return `{"status":"success","data":{"resultType":"matrix","result":[${series.join()}]}}`;
}

function answerPrometheus(request: IncomingMessage, response: ServerResponse): void {
  let body = "";
  request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
  request.on("end", () => {
    const form = new URLSearchParams(body);
    if (request.url?.endsWith("query_range")) response.end(toMatrix(form));
    else response.end(JSON.stringify({ status: "success", data: { resultType: "vector", result: toVector() } }));
  });
}

const folder = mkdtempSync(join(tmpdir(), "ops-bench-budget-"));
const socket = join(folder, "docker.sock");
const [engine, prometheus] = [createServer(answerEngine), createServer(answerPrometheus)];
await new Promise<void>((resolve) => engine.listen(socket, resolve));
await new Promise<void>((resolve) => prometheus.listen(0, "127.0.0.1", resolve));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
process.once("disconnect", () => process.exit());
process.send?.({ socket, prometheus: `http://127.0.0.1:${(prometheus.address() as AddressInfo).port}` });
