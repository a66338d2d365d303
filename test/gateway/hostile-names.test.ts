import * as fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { parseDeployInfo } from "../../src/deploys/files/parse.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import { createSharedBudget } from "../../src/lib/budget/budget.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createHostSource } from "../../src/prometheus/source.ts";
import { createFingerprints } from "../../src/queues/errors.ts";
import { escapeNames } from "../../src/queues/jobs/names.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import type { KindSource } from "../../src/queues/system.ts";
import { createContainerRecorder, createTimelineMemory, observeHosts } from "../../src/timeline/memory.ts";
import { createLogHistory } from "../../src/victorialogs/source.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { fullId, inspected, json, listed, startFakeEngine } from "../support/docker-fake.ts";
import { noSources } from "../support/fake-broker.ts";
import { startFakeUpstream } from "../support/fake-upstream.ts";
import { startGateway, token } from "../support/gateway.ts";
import { generateDocuments } from "../support/generated-documents.ts";
import { createHostileSource } from "../support/hostile-source.ts";
import { findUnsafe, hostileName } from "../support/hostile-text.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import {
  generateGrafanaQuestions,
  generateMcpQuestions,
  generateOtherQuestions,
  generateRestQuestions,
  type Question,
  toGraphqlQuestion,
} from "../support/questions.ts";
import { vectorEntry, startVictoriaLogs } from "../support/victorialogs.ts";
import { grafanaRange, grafanaValues, mcpValues, restValues, worldValues } from "../support/world-values.ts";

// Loading it takes longer than a deadline on a busy machine.
beforeAll(() => import("dockerode"));

const never = new AbortController().signal;
/**
 * Every field, endpoint, metric, tool and route that reads, once; names of the values that are not
 * of this product find nothing.
 */
const questions: readonly Question[] = [
  ...generateDocuments(createSchema(), worldValues).map(toGraphqlQuestion),
  ...generateRestQuestions(restValues),
  ...generateGrafanaQuestions(grafanaValues, grafanaRange),
  ...generateOtherQuestions(),
  ...generateMcpQuestions(mcpValues),
].filter(({ manner, isPlain }) => manner === "read" && isPlain);

const texts = fc.array(hostileName, { minLength: 30, maxLength: 30 });

/**
 * A product all of whose names were written by somebody else, behind the real adapters; `give`
 * hands out the next text.
 */
async function startProduct(give: () => string) {
  const stack = new AsyncDisposableStack();
  const [web, worker] = [fullId("a"), fullId("b")];
  const engine = stack.use(await startFakeEngine());
  const facts = [web, worker].map((id, index) => {
    const Labels = {
      service: "wallet-core",
      role: give(),
      destination: give(),
      "org.opencontainers.image.version": give(),
      "org.opencontainers.image.revision": give(),
    };
    const [Image, name] = [`registry/${give()}:${give()}`, `wallet-core-${index}`];
    const Env = [`KAMAL_VERSION=${give()}`, `KAMAL_HOST=${give()}`, `GIT_SHA=${give()}`];
    const one = inspected(id, name, { Labels, Image, Env, Hostname: give() }) as { State: object };
    const Health = { Status: "unhealthy", FailingStreak: 3, Log: [{ End: "2026-01-13T09:40:00Z", Output: give() }] };
    const NetworkSettings = { Ports: { "80/tcp": [{ HostIp: give(), HostPort: "80" }] } };
    engine.on(`/${id}/json`, json({ ...one, State: { ...one.State, Health }, NetworkSettings }));
    return { id, name, Labels, Image };
  });
  engine.on("/containers/json", json(facts.map(({ id, name, Labels, Image }) => listed(id, name, { Labels, Image }))));
  const labels = { service: "wallet-core", "org.opencontainers.image.revision": give() };
  engine.on("/images/json", json([{ Id: "sha256:1", Created: 1, Labels: labels }]));
  engine.on(
    "/images/sha256",
    json({ RepoTags: [`x:${give()}`], Created: "2026-01-13T09:40:00Z", Config: { Labels: labels } }),
  );
  const prometheus = stack.use(
    await startFakeUpstream((response, { url }) => {
      const [instance, nodename] = [give(), give()];
      const metric = (m: string) => ({ metric: { m, job: "node", instance, nodename } });
      const result = url.includes("query_range")
        ? [{ ...metric("up"), values: [[Date.now() / 1000, "1"]] }]
        : ["up", "uname", "cpu", "mem"].map((m) => ({ ...metric(m), value: [Date.now() / 1000, "0.95"] }));
      const resultType = url.includes("query_range") ? "matrix" : "vector";
      response.end(JSON.stringify({ status: "success", data: { resultType, result } }));
    }),
  );
  const broker = stack.use(
    await startFakeUpstream((response, { url }) => {
      const item = { name: give(), vhost: give(), messages: 1, messages_ready: 1, messages_unacknowledged: 0 };
      const isList = url.startsWith("/api/queues");
      const other = url.startsWith("/api/overview") ? {} : [];
      response.end(JSON.stringify(isList ? { items: [item], page_count: 1 } : other));
    }),
  );
  const queues = createQueueSources({ ...noSources, brokers: { redis: null, rabbitmq: broker.url } });
  stack.defer(() => queues.close());
  const own = escapeNames(
    createHostileSource({ queue: give(), jobId: give(), kind: give(), worker: give(), host: give() }).source,
  );
  const logs = stack.use(
    await startVictoriaLogs([
      vectorEntry({
        _time: new Date(Date.now() - 60_000).toISOString().replace("Z", "000000Z"),
        _msg: "old",
        host: give(),
        "label.role": give(),
      }),
    ]),
  );
  const logHistory = createLogHistory({ url: logs.url, rules: rulesOf("wallet-core"), logger: silentLogger });
  stack.defer(() => logHistory.close());
  const timeline = createTimelineMemory();
  const containers = createContainerSource({
    engines: [engine.options],
    rules: rulesOf("wallet-core"),
    logger: silentLogger,
    statsWindowMs: 1,
    listTimeoutMs: 20_000,
    observer: createContainerRecorder(timeline),
  });
  stack.defer(() => containers.close());
  const thresholds = { cpu: 0.85, mem: 0.85 };
  const hosts = createHostSource({
    url: prometheus.url,
    thresholds,
    logger: silentLogger,
    timeoutMs: 20_000,
    onReport: observeHosts(timeline, null),
  });
  stack.defer(() => hosts.close());
  const deploy = {
    current_tag: give() + "x",
    previous_tag: give(),
    commit_sha: give(),
    deployed_by: give(),
    deployed_at: "2026-01-13T09:40:00Z",
    service: give(),
    note: give(),
  };
  const parsed = parseDeployInfo(Buffer.from(JSON.stringify(deploy)), () => null);
  if (!("info" in parsed)) throw new Error(parsed.problem);
  const memory = createMemorySources({ deploy: parsed.info }, { restartEnabled: true });
  const gateway = stack.use(
    await startGateway(
      {
        ...memory.sources,
        containers,
        hosts,
        logHistory,
        timeline,
        containerHistory: hosts,
        queues: { ...queues, all: async (signal) => [...(await queues.all(signal)), withFingerprints(own)] },
      },
      { limits: { failedAuthBurst: 100_000 } },
    ),
  );
  await containers.list(never);
  for (const { id, name, Labels, Image } of facts) {
    engine.emit("start", id, { ...Labels, name, image: Image });
    engine.emit("die", id, { ...Labels, name, image: Image, exitCode: "137" });
    engine.emit("destroy", fullId("c"), { ...Labels, name: give(), image: Image });
  }
  await expect.poll(async () => (await containers.list(never)).containers.length).toBe(2);
  return { gateway, move: () => stack };
}

function withFingerprints(source: KindSource) {
  const fingerprints = createFingerprints();
  const failures = async (signal: AbortSignal) =>
    fingerprints.addToFailures(await source.failures(signal), createSharedBudget(signal));
  const pastFailures = async (_search: unknown, signal: AbortSignal) => ({
    failures: await failures(signal),
    isWhole: true,
  });
  return { ...source, failures, pastFailures, failedJobs: async () => null };
}

it("names that others chose leave every surface as plain text", { timeout: 180_000 }, async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(texts, async (chosen) => {
      let next = 0;
      const { gateway, move } = await startProduct(() => chosen[next++ % chosen.length] ?? "");
      await using _ = move();
      const ask = async ({ method, path, headers, body }: Question) => {
        const response = await gateway.fetch(path, {
          method,
          body,
          headers: { ...headers, authorization: `Bearer ${token}` },
        });
        const text = `${[...response.headers].join("\n")}\n${await response.text()}`;
        expect(findUnsafe(text), `${method} ${path} ${body}`).toEqual([]);
        if (text.includes("<U+") || text.includes(String.raw`\u003cU+`)) seen.add(path.split(/[/?]/)[1] ?? "");
      };
      for (let at = 0; at < questions.length; at += 8) await Promise.all(questions.slice(at, at + 8).map(ask));
    }),
    { numRuns: 1, endOnFailure: true },
  );
  // The names were there, written out, on each surface.
  expect([...seen].toSorted()).toEqual(["api", "grafana", "graphql", "mcp", "metrics"]);
});

it("an error that quotes such a name is plain text", () => {
  expect(new OpsError("schema_mismatch", "Table a\u202e\u001b[31m.job is gone").message).toBe(
    "Table a<U+202E><U+001B>[31m.job is gone",
  );
});
