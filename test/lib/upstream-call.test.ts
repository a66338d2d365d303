import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import * as z from "zod";
import { createEngineClient } from "../../src/containers/docker/http/client.ts";
import { withDeadline } from "../../src/lib/abort.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { type ObserveCall, observed, type Upstream } from "../../src/lib/upstream-call.ts";
import { createPrometheusClient } from "../../src/prometheus/client.ts";
import { createDatabase } from "../../src/queues/postgres/database.ts";
import { createRabbitmqClient } from "../../src/queues/systems/rabbitmq/client.ts";
import { createRedisConnection } from "../../src/queues/systems/redis/connection.ts";
import { startFakeUpstream } from "../support/fake-upstream.ts";

type Call = readonly [upstream: Upstream, seconds: number, code: string | null];

function createCallRecorder(): { recorded: Call[]; observe: ObserveCall } {
  const recorded: Call[] = [];
  return { recorded, observe: (...call) => void recorded.push(call) };
}

const toCode = () => "docker_error";
const facts = () => ({ name: "GET /x", kind: "client", attributes: {} }) as const;
const never = new AbortController().signal;

it("an answer and a failure are reported with their duration", async () => {
  const { recorded, observe } = createCallRecorder();
  const options = { observe, upstream: "docker", signal: never, toCode, facts } as const;
  const begin = performance.now();
  expect(await observed(options, () => sleep(30, "answer"))).toBe("answer");
  const seconds = (performance.now() - begin) / 1000;
  await expect(observed(options, () => Promise.reject(new OpsError("docker_error", "")))).rejects.toThrow(OpsError);
  expect(recorded).toMatchObject([
    ["docker", expect.any(Number), null],
    ["docker", expect.any(Number), "docker_error"],
  ]);
  expect(recorded[0]?.[1]).toBeGreaterThan(0.025);
  expect(recorded[0]?.[1]).toBeLessThanOrEqual(seconds);
});

it("a missing container is an answer of its engine", async () => {
  const { recorded, observe } = createCallRecorder();
  await using engine = await startFakeUpstream((response, { url }) => {
    response.writeHead(url === "/_ping" ? 200 : 404, { "api-version": "1.45" }).end('{"message":"No such container"}');
  });
  const { hostname, port } = new URL(engine.url);
  const client = createEngineClient({ kind: "tcp", host: hostname, port: Number(port), tls: null }, null, observe);
  await expect(client.call("a".repeat(64), "json", {}, never)).rejects.toMatchObject({ status: 404 });
  expect(recorded.map(([, , code]) => code)).toEqual([null, null]);
});

it("a deadline is reported, a cancelled call is not", async () => {
  const { recorded, observe } = createCallRecorder();
  const wait = (signal: AbortSignal) =>
    observed({ observe, upstream: "docker", signal, toCode, facts }, () => sleep(5000, undefined, { signal }));
  await expect(wait(AbortSignal.timeout(5))).rejects.toThrow("aborted");
  await expect(withDeadline(5, wait)).rejects.toThrow("5 ms");
  expect(recorded).toHaveLength(2);
  const caller = new AbortController();
  const given = wait(caller.signal);
  caller.abort();
  await expect(given).rejects.toThrow("aborted");
  expect(recorded).toHaveLength(2);
});

/** Nothing listens on port 1. */
const calls: readonly [upstream: Upstream, code: string, call: (observe: ObserveCall) => Promise<unknown>][] = [
  [
    "docker",
    "docker_unavailable",
    (observe) => createEngineClient({ kind: "unix", socketPath: "/nowhere/docker.sock" }, null, observe).ping(never),
  ],
  [
    "postgres",
    "postgres_unavailable",
    (observe) => createDatabase("postgres://127.0.0.1:1/x", silentLogger, observe).read("select 1", never),
  ],
  [
    "prometheus",
    "prometheus_unavailable",
    (observe) => createPrometheusClient({ url: "http://127.0.0.1:1", timeoutMs: 1000, observe }).query("up", never),
  ],
  [
    "rabbitmq",
    "queues_unavailable",
    (observe) => createRabbitmqClient({ source: "r", url: "http://127.0.0.1:1", observe }).get("/", z.any(), never),
  ],
  [
    "redis",
    "queues_unavailable",
    (observe) =>
      createRedisConnection("r", "redis://127.0.0.1:1", observe).ask(
        [{ commands: [["ping"]], parse: () => null }],
        never,
      ),
  ],
];

it.each(calls)("%s: a call to an unreachable address is one failed call", async (upstream, code, call) => {
  const { recorded, observe } = createCallRecorder();
  await expect(call(observe)).rejects.toBeInstanceOf(Error);
  expect(recorded.map(([name, , failure]) => [name, failure])).toEqual([[upstream, code]]);
});
