import { graphql } from "graphql";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createContext } from "../../src/graphql/context.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { toContainerId } from "../../src/graphql/refs.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer } from "../support/containers.ts";
import { sampleHost } from "../support/hosts.ts";
import { createMemorySources, type Memory } from "../support/memory-sources.ts";

const schema = createSchema();
const now = Date.parse("2026-01-13T10:00:00Z");

beforeEach(() => {
  vi.useFakeTimers({ now, toFake: ["Date"] });
});

afterEach(() => {
  vi.useRealTimers();
});

async function ask(
  memory: Partial<Memory>,
  source: string,
  change: (sources: ReturnType<typeof createMemorySources>) => void = () => {},
) {
  const made = createMemorySources(memory);
  change(made);
  const { data, errors } = await graphql({ schema, source, contextValue: createContext(made.sources, createCaller()) });
  const codes = errors?.map(({ originalError }) => (originalError as OpsError | null)?.code ?? null);
  return { data: JSON.parse(JSON.stringify(data ?? null)), codes };
}

/** As `ask`, without any failure. */
async function read(...asked: Parameters<typeof ask>) {
  const { data, codes } = await ask(...asked);
  expect(codes).toBeUndefined();
  return { data };
}

/** The selection that matches an expected value: its keys. */
const selectionOf = (expected: object) => Object.keys(expected).join(" ");

const figures = {
  name: "payouts",
  source: "jobs",
  depth: 30,
  processedPerSec: 1.5,
  failuresLastHour: 4,
  active: 31,
  deferred: 32,
  retrying: 33,
  dead: 34,
  oldestAgeSeconds: 35.5,
  paused: false,
  workers: 39,
  exact: false,
  windowSeconds: 1800,
  observedAt: "2026-01-13T09:59:00Z",
};

describe("the fields of the schema", () => {
  it("of a queue, with computed ones", async () => {
    const times = { waitSeconds: { p50: 1.25, p95: 2.5 }, runSeconds: { p50: 3.75, p95: 5.5 } };
    const expected = {
      ...figures,
      waitP50Seconds: 1.25,
      waitP95Seconds: 2.5,
      runP50Seconds: 3.75,
      runP95Seconds: 5.5,
      state: "OK",
      drainSeconds: 20,
      orphans: null,
    };
    const queueSources = [
      { name: "jobs", metrics: [{ ...figures, ...times }, { name: "bare" }], errors: [] },
      { name: "other", metrics: [{ name: "payouts", depth: 7 }], errors: [] },
    ];
    const fields = selectionOf(expected);
    const one = (args: string) => `queue(${args}) { name source depth }`;
    const { data } = await read(
      { queueSources },
      `{ queues { ${fields} } first: ${one('name: "payouts", source: "jobs"')}
          other: ${one('name: "payouts", source: "other"')}
         none: ${one('name: "payouts", source: "nowhere"')} unknown: ${one('name: "pay"')} }`,
    );
    expect(data.queues).toContainEqual(expected);
    expect(data.queues.find(({ name }: { name: string }) => name === "bare")).toMatchObject({
      waitP50Seconds: null,
      waitP95Seconds: null,
      runP50Seconds: null,
      runP95Seconds: null,
      drainSeconds: 0,
      state: "IDLE",
    });
    expect(data).toMatchObject({
      first: { source: "jobs", depth: 30 },
      other: { source: "other", depth: 7 },
      none: null,
      unknown: null,
    });
  });

  it("of a source: its numbers and its errors are read separately", async () => {
    const away = new OpsError("postgres_unavailable", "away");
    const queueSources = [
      { name: "fine", env: "staging" as const, metrics: [], errors: [] },
      { name: "numbers", metrics: [], errors: away },
      { name: "errors", metrics: away, errors: [] },
    ];
    const { data } = await read(
      { queueSources },
      "{ queueSources { name kind env numbersOk ok error { code message } } }",
    );
    const error = { code: "postgres_unavailable", message: "away" };
    expect(data.queueSources).toEqual([
      { name: "fine", kind: "table", env: "STAGING", numbersOk: true, ok: true, error: null },
      { name: "numbers", kind: "table", env: null, numbersOk: true, ok: false, error },
      { name: "errors", kind: "table", env: null, numbersOk: false, ok: false, error },
    ]);
  });

  it("of a point of a queue's past, and of the whole", async () => {
    const point = {
      time: "2026-01-13T09:01:00Z",
      depth: 1,
      processedPerSec: 2.5,
      failures: 3,
      oldestAgeSeconds: 4.5,
      waitP50Seconds: 5.5,
      waitP95Seconds: 6.5,
      runP95Seconds: 7.5,
    };
    const whole = { exact: true, sampled: false, since: "2026-01-13T09:00:00Z" };
    const history = vi.fn<NonNullable<Memory["queueSources"][number]["history"]>>(
      async () => new Map([["mail", { points: [point], ...whole }]]),
    );
    const queueSources = [{ name: "jobs", metrics: [{ name: "mail" }, { name: "gone" }], errors: [], history }];
    const range = 'from: "2026-01-13T09:00:00Z", to: "2026-01-13T09:10:00Z", step: 60';
    const { data } = await read(
      { queueSources },
      `{ queues { name history(${range}) { exact sampled since points { ${selectionOf(point)} } } } }`,
    );
    expect(data.queues).toEqual([
      { name: "gone", history: null },
      { name: "mail", history: { ...whole, points: [point] } },
    ]);
    expect(history.mock.calls.map(([names, asked]) => [names, asked])).toContainEqual([
      ["mail"],
      { from: now / 1000 - 3600, step: 60, steps: 10 },
    ]);
    const none = await ask(
      { queueSources: [{ name: "jobs", metrics: [{ name: "mail" }], errors: [] }] },
      `{ queues { history(${range}) { exact } } }`,
    );
    expect(none.codes).toEqual(["query_refused"]);
  });

  it("of a host, its thresholds and its time", async () => {
    const host = sampleHost({
      name: "a",
      instance: "a:9100",
      cpuUtil: 0.41,
      memUtil: 0.42,
      diskUtil: 0.43,
      load1: 4.5,
      networkReceiveBytesPerSec: 45,
      networkTransmitBytesPerSec: 46,
      alert: true,
      reason: "CPU",
    });
    const other = sampleHost({ name: "b", instance: "b:9100", status: "down" });
    const { data } = await read(
      { hosts: [host, other] },
      `{ hosts { ${selectionOf(host)} } host(name: "b") ` +
        '{ name status } unknown: host(name: "c") { name } hostsUpdatedAt thresholds { cpu mem } }',
      ({ sources }) => {
        Object.assign(sources, { thresholds: { cpu: 0.8, mem: 0.9 } });
      },
    );
    expect(data).toEqual({
      hosts: [
        { ...host, status: "UP" },
        { ...other, status: "DOWN" },
      ],
      host: { name: "b", status: "DOWN" },
      unknown: null,
      hostsUpdatedAt: "2026-01-13T09:46:00Z",
      thresholds: { cpu: 0.8, mem: 0.9 },
    });
  });

  it("of a container and its engine", async () => {
    const web = sampleContainer({
      name: "web",
      engine: "a",
      role: "role",
      service: "service",
      destination: "destination",
      version: "version",
      commitSha: "sha",
      host: "host",
      image: "image",
      restarts: 3,
      health: "starting",
      status: "paused",
    });
    const { name, engine, role, service, destination, env, kind, status, health, version, commitSha, restarts, host } =
      web;
    const own = {
      name,
      engine,
      role,
      service,
      destination,
      env,
      kind,
      status,
      health,
      version,
      commitSha,
      restarts,
      host,
    };
    const { image, ports, createdAt, startedAt, observedAt, stale, id: shortId } = web;
    const expected = { ...own, image, ports, createdAt, startedAt, observedAt, stale, shortId, id: toContainerId(web) };
    const error = { code: "docker_timeout", message: "no answer" };
    const engines = [
      { name: "a", ok: true, error: null, contactAt: now - 1500 },
      { name: "b", ok: false, error, contactAt: null },
    ];
    const { data } = await read(
      { containers: [web], engines },
      `{ containers { ${selectionOf(expected)} } engines { name ok ageSeconds error { code message } } }`,
    );
    expect(data).toEqual({
      containers: [{ ...expected, env: "STAGING", kind: "CORE", health: "STARTING" }],
      engines: [
        { name: "a", ok: true, ageSeconds: 1.5, error: null },
        { name: "b", ok: false, ageSeconds: null, error },
      ],
    });
  });

  it("of the deploy info", async () => {
    const info = {
      currentTag: "v2",
      previousTag: "v1",
      commitSha: "sha",
      deployedBy: "kim",
      deployedAt: "2026-01-13T08:00:00Z",
      service: "core",
      destination: "prod",
      env: "production",
      stale: true,
      error: "unreadable",
    } as const;
    const extra = [{ key: "runtime", value: "60" }];
    const { data } = await read(
      { deploy: { ...info, extra } },
      `{ deployInfo { ${selectionOf(info)} extra { key value } } }`,
    );
    expect(data.deployInfo).toEqual({ ...info, env: "PRODUCTION", extra });
  });

  it("of an audit record", async () => {
    const record = {
      seq: 9,
      at: "2026-01-13T09:00:00.000Z",
      intent: 8,
      action: "job.retry",
      outcome: "ok",
      subject: "subject",
      kid: "kid",
      auth: "token",
      requestId: "request",
      clientRequestId: "client",
      traceId: "trace",
      agent: "agent",
      ip: "ip",
      engine: "engine",
      containerId: "id",
      containerName: "name",
      image: "image",
      env: "staging",
      reason: "reason",
      keyHash: "key",
      code: "code",
      detail: "detail",
      dockerStatus: 304,
      durationMs: 77,
      hash: "hash",
    };
    const job = { source: "jobs", queue: "mail", ids: ["1", "2"], fingerprint: "print" };
    const jobFields = { jobSource: "jobs", jobQueue: "mail", jobIds: ["1", "2"], fingerprint: "print" };
    const { data } = await read(
      {},
      `{ auditLog { nodes { ${selectionOf({ ...record, ...jobFields })} } } }`,
      ({ audited }) => {
        audited.push({ ...record, job } as never, { ...record, seq: 10, job: null } as never);
      },
    );
    expect(data.auditLog.nodes).toEqual([
      { ...record, seq: 10, jobSource: null, jobQueue: null, jobIds: [], fingerprint: null },
      { ...record, ...jobFields },
    ]);
  });

  it("of errors: of each queue, and of all queues together", async () => {
    const at = (minute: number) => `2026-01-13T09:${minute}:00Z`;
    const failure = (queue: string, error: string, count: number, minute: number) => {
      return {
        queue,
        source: "jobs",
        jobId: `${queue}-${count}`,
        error,
        count,
        timestamp: at(minute),
        firstAt: at(minute - 10),
        attempts: count + 1,
      };
    };
    const errors = [failure("mail", "boom", 3, 50), failure("mail", "bang", 5, 40), failure("calls", "boom", 7, 45)];
    const queueSources = [
      { name: "jobs", env: "staging" as const, metrics: [{ name: "mail" }, { name: "calls" }], errors },
    ];
    const fields = "queue source error count jobId jobIds timestamp firstSeen attempts complete";
    const { data } = await read(
      { queueSources },
      `{ jobErrors { ${fields} } mail: jobErrors(queue: "mail", first: 1) { error }
          queue(name: "mail") { errors(first: 1) { error } failuresByRelease { count version } }
         errorGroups { error count firstSeen lastSeen attempts complete
            queues { name source count } jobs { jobId queue source } }
         some: errorGroups(first: 1) { error } none: errorGroups(env: PRODUCTION) { error } }`,
    );
    const row = (queue: string, error: string, count: number, minute: number) => {
      const job = `${queue}-${count}`;
      return {
        queue,
        source: "jobs",
        error,
        count,
        jobId: job,
        jobIds: [job],
        timestamp: at(minute),
        firstSeen: at(minute - 10),
        attempts: count + 1,
        complete: true,
      };
    };
    expect(data.jobErrors).toEqual([
      row("mail", "boom", 3, 50),
      row("calls", "boom", 7, 45),
      row("mail", "bang", 5, 40),
    ]);
    expect([data.mail, data.queue.errors]).toEqual([[{ error: "boom" }], [{ error: "boom" }]]);
    expect(data.queue.failuresByRelease).toEqual([{ count: 8, version: null }]);
    expect(data.errorGroups[0]).toEqual({
      error: "boom",
      count: 10,
      firstSeen: at(35),
      lastSeen: at(50),
      attempts: 8,
      complete: true,
      queues: [
        { name: "calls", source: "jobs", count: 7 },
        { name: "mail", source: "jobs", count: 3 },
      ],
      jobs: [
        { jobId: "mail-3", queue: "mail", source: "jobs" },
        { jobId: "calls-7", queue: "calls", source: "jobs" },
      ],
    });
    expect([data.some, data.none]).toEqual([[{ error: "boom" }], []]);
  });
});

it.each([
  ["jobErrors(first: 0) { error }", "invalid_request"],
  ["jobErrors(first: 501) { error }", "invalid_request"],
  ["errorGroups(first: 0) { error }", "invalid_request"],
  ["auditLog(first: 0) { nodes { seq } }", "invalid_request"],
  ["auditLog(first: 101) { nodes { seq } }", "invalid_request"],
])("%s is refused", async (selection, code) => {
  expect((await ask({}, `{ ${selection} }`)).codes).toEqual([code]);
});
