import { hash } from "node:crypto";
import type { AuditRecord } from "../../src/audit/audit.ts";
import type { Container, ContainerRef } from "../../src/containers/container.ts";
import type { ContainerEvent } from "../../src/containers/events.ts";
import { removedStatus } from "../../src/containers/logs/history/removed.ts";
import { type LogLine, toBatch, toLogPage } from "../../src/containers/logs/log.ts";
import type { ContainerSource, EngineStatus } from "../../src/containers/source.ts";
import type { Sources } from "../../src/graphql/sources.ts";
import type { Environment } from "../../src/lib/environment.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { formatRfc3339 } from "../../src/lib/time.ts";
import { toFingerprint } from "../../src/queues/fingerprint.ts";
import type { JobControl } from "../../src/queues/jobs/control.ts";
import type { QueueSource } from "../../src/queues/queue.ts";
import type { ServiceGroup } from "../../src/releases/service-group.ts";
import { containerKinds } from "../../src/timeline/memory.ts";
import { toEntry, toTimelineContainer } from "../../src/timeline/timeline.ts";
import { sampleContainer } from "./containers.ts";
import { sampleRecord, sampleDeployInfo } from "./deploys.ts";
import { sampleHost, rememberHost } from "./hosts.ts";
import { createMemoryLogHistory } from "./memory-log-history.ts";
import { createMemorySources, type Memory } from "./memory-sources.ts";
import { createMemoryJobs, sampleAttempt, sampleJob } from "./queues.ts";

/** The parts of a world: everything of one environment, or of no known one. */
export type Half = Environment | "unknown";

/** The time of all events, unix ms. */
export const worldNow = Date.parse("2026-01-13T10:00:00Z");
const ago = (seconds: number) => formatRfc3339(worldNow - seconds * 1000);

/**
 * Every text of a half has its word, every id its digits, and every number except times and shares
 * is its number.
 */
const marks = {
  staging: { word: "ownmark", digits: "a11cea11ce", number: 4242 },
  production: { word: "prodcanary", digits: "bad0bad0bad0", number: 8_086_421 },
  unknown: { word: "lostcanary", digits: "dead1dead1de", number: 9_075_319 },
} as const;

export function wordOf(half: Half): string {
  return marks[half].word;
}

/** The fingerprint of a half's error group. */
export function fingerprintOf(half: Half): string {
  return toFingerprint(`${wordOf(half)} exploded`);
}

/** Matches what occurs in this half alone. */
export function toCanary(...halves: readonly Half[]): RegExp {
  const texts = halves.flatMap((half) => [...Object.values(marks[half]).map(String), fingerprintOf(half)]);
  return new RegExp(texts.join("|"), "i");
}

export interface WorldOptions {
  /** ENV: the environment of hosts and of the deploy info. */
  readonly env: Environment | null;
  readonly halves: readonly Half[];
  /** Whether an engine, Prometheus, a file and a log of staging cannot be read. */
  readonly broken?: boolean;
}

function toEnv(half: Half): Environment | null {
  return half === "unknown" ? null : half;
}

/**
 * The half whose engines run it: with ENV no engine, queue or deploy has an unknown environment.
 */
function toHome(half: Half, env: Environment | null): Half {
  return half === "unknown" ? (env ?? half) : half;
}

/** The group that Kamal deploys together. */
function toGroup(half: Half): ServiceGroup {
  const { word } = marks[half];
  return { service: `${word}-core`, destination: `${word}-destination`, env: toEnv(half) };
}

function toContainers(half: Half, env: Environment | null) {
  const { word, digits, number } = marks[half];
  const home = marks[toHome(half, env)].word;
  const make = (name: string, more: Partial<Container> = {}): Container =>
    sampleContainer({
      name: `${word}-${name}`,
      fullId: `${digits}${hash("sha256", name)}`.slice(0, 64),
      id: `${digits}${hash("sha256", name)}`.slice(0, 12),
      engine: `${home}-1`,
      ...toGroup(half),
      version: `${word}-v2`,
      commitSha: `${digits}c0ffee`,
      host: `${word}-host-${name}`,
      image: `registry/${word}:v2`,
      ports: [`${word}:8080`],
      hostNames: [`${word}-node`],
      restarts: number,
      probe: { failingStreak: number, failingSince: null, checkedAt: ago(10), output: `${word} probe` },
      createdAt: ago(1230),
      startedAt: ago(1225),
      observedAt: ago(1),
      ...more,
    });
  const before = { version: `${word}-v1`, commitSha: `${digits}0dd` };
  const web = make("web");
  const shown = [
    web,
    make("shared", { name: "shared", role: "shared" }),
    make("old", { ...before, createdAt: ago(90_000), startedAt: ago(90_000), engine: `${home}-2` }),
    make("replaced", { replaced: true }),
    make("worker", { role: "worker", health: "unhealthy", probe: null }),
    make("floating", { role: "floating", version: "latest", floating: true, commitSha: "" }),
    make("guarded", { role: "guarded" }),
    make("stray", { ...before, role: "stray" }),
    make("redis", { role: "redis", kind: "accessory" }),
    make("foreign", {
      engine: half === "staging" ? "ownmark-mixed" : half === "production" ? "ownmark-1" : "prodcanary-1",
    }),
    make("mixed", { engine: "ownmark-mixed" }),
    ...(half === "unknown" ? [make("other", { kind: "other", env: "staging", engine: "ownmark-1" })] : []),
  ];
  const retired = [make("kept", { ...before, status: "exited", createdAt: ago(95_000), startedAt: ago(95_000) })];
  const removed = make("removed", { ...before, status: removedStatus, createdAt: ago(99_000) });
  return { web, shown, retired, removed, hidden: [make("hidden")] };
}

function toEngines(
  half: Half,
  env: Environment | null,
  broken: boolean,
): Pick<EngineStatus, "name" | "env" | "ok" | "error" | "contactAt" | "clockSkew">[] {
  const { word } = marks[half];
  const contactAt = worldNow - 500;
  const up = { name: `${word}-1`, env: toEnv(half), ok: true, error: null, contactAt, clockSkew: 0.5 };
  const error = { code: "docker_timeout", message: `Docker engine ${word}-2: no answer` };
  // The one of production is always down, which must not affect staging.
  const isDown = half === "production" || (half === "staging" && broken);
  const second = { ...up, name: `${word}-2`, ...(isDown && { ok: false, error }) };
  return half === "staging" ? [up, second, { ...up, name: "ownmark-mixed", env }] : [up, second];
}

function toQueueSources(half: Half): Memory["queueSources"] {
  const { word, number } = marks[half];
  const [source, queue] = [`${word}-jobs`, `${word}-payouts`];
  const job = (name: string) => `${word}-job-${name}`;
  const error = `${word} exploded`;
  const history: NonNullable<QueueSource["history"]> = async (_queues, { from, step, steps }) => {
    const point = {
      depth: number,
      processedPerSec: 1,
      failures: 40,
      oldestAgeSeconds: 3,
      waitP50Seconds: 1,
      waitP95Seconds: 2,
    };
    const points = Array.from({ length: steps }, (_, index) => ({
      ...point,
      runP95Seconds: 2,
      time: formatRfc3339((from + (index + 1) * step) * 1000),
    }));
    return new Map([[queue, { points, exact: true, sampled: false, since: formatRfc3339(from * 1000) }]]);
  };
  const control: JobControl = {
    check: () => {},
    change: async (_action, { jobId }) => {
      if (!jobId.startsWith(word)) return { jobId, queue: null, changed: false, state: null, reason: null };
      if (jobId.endsWith("lost")) throw new OpsError("postgres_unavailable", "PostgreSQL went away");
      const state = "waiting";
      return jobId.endsWith("stuck")
        ? { jobId, queue, changed: false, state, reason: null }
        : { jobId, queue, changed: true, state, reason: null };
    },
    look: async () => null,
    verify: async () => {},
  };
  const host = `${word}-host-web`;
  const ids = ["1", "stuck"].map(job);
  const jobs = createMemoryJobs(
    ids.map((jobId) =>
      sampleJob({
        source,
        queue,
        jobId,
        kind: `${word}-kind`,
        systemState: `${word}-discarded`,
        priority: number,
        createdAt: ago(1300),
        scheduledAt: ago(1250),
        startedAt: ago(70),
        finishedAt: ago(60),
        attempt: number,
        maxAttempts: number,
        worker: `${word}-thread`,
        host,
      }),
    ),
    [
      sampleAttempt({
        number,
        at: ago(60),
        startedAt: ago(70),
        error,
        trace: `${word} trace`,
        worker: `${word}-thread`,
        host,
      }),
    ],
  );
  const running = { queue, source, jobId: job("1"), kind: `${word}-kind`, startedAt: ago(600), worker: `${word}-gone` };
  const shares = { waitSeconds: { p50: 1, p95: 2 }, runSeconds: { p50: 1, p95: 2 } };
  const more = {
    active: number,
    deferred: number,
    retrying: number,
    dead: number,
    workers: number,
    oldestAgeSeconds: 3,
  };
  const figures = {
    name: queue,
    depth: number,
    processedPerSec: 1,
    failuresLastHour: number,
    paused: false,
    windowSeconds: 300,
  };
  const failure = {
    queue,
    source,
    jobId: job("1"),
    error,
    timestamp: ago(60),
    count: number,
    firstAt: ago(1100),
    attempts: number,
  };
  const worker = { queue, source, host: `${word}-gone`, count: number, oldestAgeSeconds: 600, starts: [], readAt: 0 };
  const env = toEnv(half);
  const whose = env === null ? {} : { env };
  return [
    {
      name: source,
      place: `${word}-place`,
      ...whose,
      metrics: [{ ...figures, ...more, ...shares }],
      errors: [{ ...failure, worker: `${word}-host-web` }],
      control,
      jobs,
      failedJobs: async (asked) =>
        asked !== queue ? [] : [{ error, jobIds: ["1", "stuck", "lost"].map(job), jobs: number }],
      history,
      running: async () => ({ jobs: [running], total: number, unnamed: number }),
      workerJobs: async () => [worker, { ...worker, host: null }],
    },
    {
      name: `${word}-broken`,
      place: `${word}-place`,
      ...whose,
      owner: { service: `${word}-service`, destination: `${word}-destination` },
      metrics: new OpsError("queue_locked", `${word} is locked`),
      errors: [],
      history: async () => Promise.reject(new OpsError("queue_locked", `${word} is locked`)),
    },
  ];
}

function toRecords(half: Half) {
  const { word, digits, number } = marks[half];
  const more = { deployedBy: `${word}-kim`, commitSha: `${digits}c0ffee`, ...toGroup(half), durationSeconds: 60 };
  return [
    sampleRecord({
      ...more,
      commitSha: `${digits}0dd`,
      tag: `${word}-v1`,
      deployedAt: ago(90_000),
      durationSeconds: number / 1e6,
    }),
    sampleRecord({ ...more, tag: `${word}-failed`, previousTag: `${word}-v1`, deployedAt: ago(1210), booted: false }),
    sampleRecord({ ...more, tag: `${word}-v2`, previousTag: `${word}-v1`, deployedAt: ago(1200) }),
  ];
}

function toEntries(half: Half, env: Environment | null, web: Container) {
  const { word, number } = marks[half];
  const own = {
    ...toGroup(half),
    container: toTimelineContainer(web),
    message: `${word} happened`,
    from: `${word}-from`,
    to: `${word}-to`,
  };
  const at = (seconds: number) => ({ ...own, time: ago(seconds) });
  const death = { ...at(900), kind: "container_death" as const, exitCode: number };
  const queue = { name: `${word}-payouts`, source: `${word}-jobs` };
  return [
    toEntry(death),
    toEntry({ ...death, time: ago(1500), requested: true }),
    toEntry({ ...at(800), kind: "oom_kill" }),
    toEntry({ ...at(700), kind: "health", to: "unhealthy" }),
    toEntry({ ...at(650), kind: "health", to: "healthy" }),
    toEntry({ ...at(600), kind: "restart", requested: true }),
    toEntry({ ...at(500), kind: "queue_state", container: null, after: ago(510), queue }),
    ...(env === toEnv(half)
      ? [toEntry({ ...at(400), kind: "host_alert", container: null, host: `${word}-node` })]
      : []),
    toEntry({ kind: "gap", time: ago(100_000), message: `${word}-1 was not heard`, engine: `${word}-1` }),
  ];
}

function toAuditRecords(half: Half, { name, fullId, engine, image }: Container): Omit<AuditRecord, "seq" | "intent">[] {
  const { word, digits, number } = marks[half];
  const common = {
    requestId: `${word}-request`,
    clientRequestId: `${word}-client`,
    traceId: digits,
    agent: `${word}-agent`,
    ip: `${word}-ip`,
    kid: `${word}-kid`,
  };
  const who = {
    ...common,
    subject: `${word}-lee`,
    auth: "token" as const,
    scopes: [],
    args: {},
    keyHash: digits,
    reason: `${word} reason`,
  };
  const what = {
    detail: `${word} detail`,
    code: `${word}_code`,
    dockerStatus: number,
    durationMs: number,
    env: toEnv(half),
    hash: digits,
  };
  const target = {
    source: `${word}-jobs`,
    queue: `${word}-payouts`,
    ids: [`${word}-job-1`],
    fingerprint: fingerprintOf(half),
  };
  const none = { engine: "", containerId: "", containerName: "", image: "" };
  const base = { ...who, ...what, at: ago(600), outcome: "ok" as const };
  return [
    { ...base, action: "restart", engine, containerId: fullId, containerName: name, image, job: null },
    { ...base, ...none, action: "job.retry_group", job: target },
  ];
}

/**
 * Sources of a whole product whose halves mirror each other; nothing depends on the clock or on
 * chance.
 */
export function createWorld({ env, halves, broken = false }: WorldOptions) {
  const parts = halves.map((half) => ({ half, ...toContainers(half, env) }));
  const homes = halves.filter((half) => toHome(half, env) === half);
  const owner: Half = env ?? "unknown";
  const { word, digits } = marks[owner];
  const isOwned = halves.includes(owner);
  const unreadable = { code: "deploy_info_unreadable", message: "kamal's log cannot be read" };
  const host = sampleHost({ name: `${word}-node`, instance: `${word}-node:9100` });
  const hosts = [
    host,
    { ...host, name: `${word}-down`, status: "down" as const, alert: true, reason: `${word} reason` },
  ];
  const extra = [{ key: `${word}-key`, value: `${word}-value` }];
  const tags = {
    currentTag: `${word}-v2`,
    previousTag: `${word}-v1`,
    commitSha: `${digits}c0ffee`,
    deployedBy: `${word}-kim`,
  };
  const info = {
    ...sampleDeployInfo,
    ...tags,
    ...toGroup(owner),
    deployedAt: ago(1200),
    extra,
    stale: true,
    error: `${word} is unreadable`,
  };
  const log = { skipped: isOwned ? 2 : 0, complete: true };
  const image = { builtAt: ago(200_000), taggedAt: ago(190_000) };
  const memory = createMemorySources(
    {
      containers: parts.flatMap(({ shown }) => shown),
      retired: parts.flatMap((part) => part.retired),
      hidden: parts.flatMap(({ hidden }) => hidden),
      engines: homes.flatMap((half) => toEngines(half, env, broken)),
      queueSources: homes.flatMap(toQueueSources),
      hosts: broken ? new OpsError("prometheus_unavailable", "Prometheus is down") : isOwned ? hosts : [],
      deploy: isOwned ? info : new OpsError("deploy_info_missing", "deploy_info.json not found"),
      deployLogs: [
        { ...log, origin: "history", records: homes.flatMap(toRecords), error: null },
        { ...log, origin: "kamal_audit", records: [], error: broken ? unreadable : null },
      ],
      images: homes.map((half) => {
        const { word: own, digits: sha } = marks[half];
        return {
          ...image,
          ...toGroup(half),
          engine: `${own}-1`,
          service: `${own}-core`,
          version: `${own}-v0`,
          commitSha: sha,
        };
      }),
    },
    {
      env,
      restartEnabled: true,
      jobsEnabled: true,
      healthExecEnabled: true,
      limits: { cooldownMs: 0, budgetPerHour: 10_000 },
    },
  );
  for (const { half, web } of parts) {
    for (const entry of toEntries(half, env, web)) memory.sources.timeline.add(entry);
    for (const { name } of toEngines(half, env, false)) {
      for (const kind of containerKinds)
        memory.sources.timeline.begin(kind, { name, env: toEnv(half), since: ago(99_000) });
    }
    memory.sources.timeline.begin("queue_state", {
      name: `${wordOf(half)}-jobs`,
      env: toEnv(half),
      since: ago(99_000),
    });
    for (const record of toAuditRecords(half, web)) {
      const seq = memory.audited.length + 1;
      memory.audited.push({ ...record, seq, intent: seq - 1 });
    }
  }
  const { containers, hosts: prometheus } = memory.sources;
  const look = containers.inspectNow.bind(containers);
  const mark = containers.markRestart.bind(containers);
  const unread = new Set(
    parts.flatMap(({ shown }) => shown.flatMap(({ name, fullId: id }) => (broken && name.endsWith("-old") ? id : []))),
  );
  const toLine = ({ fullId }: ContainerRef): LogLine => {
    if (unread.has(fullId)) throw new OpsError("docker_error", "its logging driver keeps no logs");
    const half = halves.find((one) => fullId.startsWith(marks[one].digits));
    const message = `${half && wordOf(half)} wrote this`;
    return { timestamp: `${ago(5).slice(0, -1)}.000000001Z`, stream: "stderr", level: "error", message };
  };
  const toProtection = ({ role }: Container) => (role === "guarded" ? "the gateway itself runs in it" : null);
  // In place, because the memory's restarts use the same source.
  Object.assign(containers, {
    logs: async (ref) => toLogPage({ lines: [toLine(ref)], indexes: [0] }),
    async follow(ref, _options, signal) {
      const line = toLine(ref);
      return (async function* () {
        yield toBatch({ lines: [line], notice: "stopped" });
        if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
        if (typeof signal.reason === "string") yield toBatch({ ended: signal.reason });
      })();
    },
    async *stored(ref, { newest }) {
      const line = toLine(ref);
      yield { lines: [line], cutAt: newest === null ? null : line.timestamp };
    },
    async inspectNow(ref) {
      const { container } = await look(ref);
      return { container, protectedBy: toProtection(container) };
    },
    async markRestart(ref) {
      const marked = await mark(ref);
      return { ...marked, protectedBy: toProtection(marked.container) };
    },
  } satisfies Partial<ContainerSource>);
  const { audit } = memory.sources;
  const { history: logHistory, state: older } = createMemoryLogHistory();
  older.containers = parts.map(({ removed }) => removed);
  // Only of those: the order in which several containers are read to their end is not always the
  // same.
  older.logs = new Map(
    parts.map(({ half, removed }) => {
      const message = `${wordOf(half)} wrote this before`;
      return [
        removed.fullId,
        [{ timestamp: `${ago(90_000).slice(0, -1)}.000000001Z`, stream: "stderr", level: "error", message }],
      ];
    }),
  );
  older.error = new OpsError("log_history_unavailable", "The log history is not reachable");
  if (broken) older.failAfter = 0;
  const sources: Sources = {
    ...memory.sources,
    logHistory,
    audit: {
      ...audit,
      verify: async () =>
        broken ? { ...(await audit.verify()), ok: false, problem: "audit.jsonl: seq 2 is altered" } : audit.verify(),
    },
    hosts: {
      ...prometheus,
      async history(range, instances, signal) {
        await prometheus.report(signal);
        return new Map(instances.map((instance) => [instance, rememberHost(range)]));
      },
    },
    containerHistory: {
      async containerHistory(range, asked) {
        if (broken) throw new OpsError("prometheus_unavailable", "Prometheus is down");
        const points = rememberHost(range).points.map(({ time }) => ({ time, cpuPct: 1, memPct: 2, restarts: 3 }));
        return asked.map(() => ({
          source: "prometheus",
          stepSeconds: range.step,
          since: formatRfc3339(range.from * 1000),
          points,
        }));
      },
    },
  };
  /** Publishes an event for a container of each half, then removes everything else. */
  const happen = () => {
    for (const { half, shown, web } of parts) {
      const { word: own, number } = marks[half];
      const event: ContainerEvent = {
        time: ago(0),
        action: "die",
        exitCode: number,
        signal: number,
        health: "healthy",
        previousName: `${own}-before`,
        container: web,
      };
      for (const container of shown) memory.board.onEvent({ ...event, container });
      memory.board.onGap(`${own}-1`);
    }
    memory.setContainers(parts.map(({ web }) => ({ ...web, status: "paused" })));
  };
  return { ...memory, sources, happen };
}
