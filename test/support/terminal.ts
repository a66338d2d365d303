import { sampleContainer } from "./containers.ts";
import { sampleDeployLog, sampleRecord } from "./deploys.ts";
import { sampleHost } from "./hosts.ts";
import { createMemorySources } from "./memory-sources.ts";
import { createMemoryJobs, sampleJob } from "./queues.ts";
import { toEntry } from "../../src/timeline/timeline.ts";

/**
 * HTML, colours, C1, the end of a line, and characters that turn the reading direction or are not
 * seen.
 */
export const hostile = `<b onmouseover="x">\u001b[31m\u001b]0;t\u0007\u009b2Jred\r\nnext\t\u202egnp\u{e0041}\u2028`;

/** A line of text that shows of `hostile` what may be shown. */
export const tamed = '<b onmouseover="x">[31m]0;t2Jred next gnp';

/** What may act in a terminal, or cannot be seen; the end of a line may stand. */
export const acting = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}]/u;

/** A product of which every list has rows, whose names have `word` in them. */
export function createTerminalSources(word = hostile) {
  const at = (seconds: number) =>
    new Date(Math.floor(Date.now() / 1000 - seconds) * 1000).toISOString().replace(".000", "");
  const group = { service: "shop", destination: null, env: "staging" } as const;
  const container = (name: string, more: Partial<Parameters<typeof sampleContainer>[0]> = {}) =>
    sampleContainer({
      ...group,
      name,
      version: "v2",
      createdAt: at(600),
      startedAt: at(590),
      observedAt: at(1),
      ...more,
    });
  const looping = container(`shop-worker-v2-${word}`, {
    role: "worker",
    status: "restarting",
    health: "none",
    restarts: 17,
    probe: null,
    version: "v1",
  });
  const web = container("shop-web-v2", {
    role: "web",
    health: "unhealthy",
    probe: { failingStreak: 4, failingSince: null, checkedAt: at(5), output: `refused ${word}` },
  });
  const error = `declined ${word}`;
  const failure = {
    queue: `payouts ${word}`,
    source: "jobs",
    jobId: `job ${word}`,
    error,
    timestamp: at(60),
    count: 12,
    firstAt: at(900),
  };
  const memory = createMemorySources(
    {
      containers: [looping, web, container("shop-redis", { kind: "accessory", role: "redis" })],
      engines: [
        { name: "local", ok: true, error: null },
        { name: "far", ok: false, error: { code: "docker_unavailable", message: `no way ${word}` } },
      ],
      queueSources: [
        {
          name: "jobs",
          env: "staging",
          metrics: [
            {
              name: `payouts ${word}`,
              depth: 120,
              processedPerSec: 0,
              failuresLastHour: 12,
              failuresRecent: 12,
              active: 1,
              workers: 2,
              oldestAgeSeconds: 900,
            },
            { name: "mail", depth: 0, processedPerSec: 1, active: 0 },
          ],
          errors: [failure],
          jobs: createMemoryJobs([
            sampleJob({
              source: "jobs",
              queue: `payouts ${word}`,
              jobId: `job ${word}`,
              kind: `kind ${word}`,
              worker: word,
            }),
          ]),
        },
      ],
      hosts: [sampleHost({ name: `node ${word}`, status: "down", alert: true, reason: `not scraped ${word}` })],
      deployLogs: [
        sampleDeployLog([
          sampleRecord({ ...group, tag: "v1", deployedAt: at(90_000) }),
          sampleRecord({ ...group, tag: "v2", previousTag: "v1", deployedAt: at(610), deployedBy: `kim ${word}` }),
        ]),
      ],
    },
    { restartEnabled: true, jobsEnabled: true },
  );
  memory.sources.timeline.begin("container_death", { name: "local", env: "staging", since: at(80_000) });
  memory.sources.timeline.add(
    toEntry({
      ...group,
      kind: "container_death",
      time: at(30),
      message: `it ended ${word}`,
      engine: "local",
      exitCode: 1,
    }),
  );
  memory.audited.push({
    seq: 1,
    at: at(20),
    intent: null,
    action: "restart",
    outcome: "ok",
    subject: `lee ${word}`,
    agent: `night-shift ${word}`,
    auth: "token",
    scopes: [],
    args: {},
    keyHash: null,
    kid: "kid",
    ip: "127.0.0.1",
    requestId: "r",
    clientRequestId: null,
    traceId: null,
    reason: `because ${word}`,
    engine: "local",
    containerId: looping.fullId,
    containerName: looping.name,
    image: "shop",
    job: null,
    detail: word,
    code: null,
    dockerStatus: null,
    durationMs: 1,
    env: "staging",
    hash: "0",
  });
  return memory;
}
