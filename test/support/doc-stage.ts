import { setTimeout } from "node:timers/promises";
import { scopes } from "../../src/auth/principal.ts";
import type { Container } from "../../src/containers/container.ts";
import { sampleContainer, sampleEvent } from "./containers.ts";
import { sampleDeployLog, sampleRecord } from "./deploys.ts";
import { startGateway, token } from "./gateway.ts";
import { sampleHost } from "./hosts.ts";
import { createMemorySources } from "./memory-sources.ts";
import { createMemoryJobs, sampleAttempt, sampleControl, sampleHistory, sampleJob } from "./queues.ts";
import { createTokens } from "./tokens.ts";

const ago = (seconds: number) => `${new Date(Date.now() - seconds * 1000).toISOString().slice(0, 19)}Z`;

/**
 * A gateway of a product that has every name that the pages use: containers, roles, queues, a bad
 * deploy `v42`. A page with a new name needs it here.
 */
export async function startDocStage() {
  const staging = (name: string, role: string, more: Partial<Container> = {}) =>
    sampleContainer({
      name,
      role,
      service: "wallet-core",
      destination: "staging",
      version: "v42",
      host: `host-${name}`,
      hostNames: [],
      createdAt: ago(1500),
      startedAt: ago(1500),
      ...more,
    });
  const production = { destination: "production", env: "production", version: "v41", createdAt: ago(90_000) } as const;
  const deployedAt = ago(1440);
  const boundary = Date.parse(deployedAt) / 1000;
  const record = { service: "wallet-core", destination: "staging" };
  const failure = (queue: string, error: string, count: number) => ({
    queue,
    source: "river",
    jobId: "2166",
    error,
    timestamp: ago(72),
    count,
    firstAt: ago(600),
    jobIds: ["2166"],
  });
  const job = sampleJob({ source: "river", queue: "payouts", jobId: "2166" });
  const running = sampleJob({
    source: "river",
    queue: "payouts",
    jobId: "2167",
    state: "running",
    systemState: "running",
    finishedAt: null,
    host: "host-wallet-core-worker-2",
    worker: "host-wallet-core-worker-2",
    startedAt: ago(30),
  });
  const rows = [running];
  const attempt = sampleAttempt({ host: "host-wallet-core-payouts" });
  const containers = [
    staging("wallet-core-web-staging-v7", "web"),
    staging("wallet-core-web-staging", "web"),
    staging("wallet-core-web-1", "api"),
    staging("wallet-core-web-2", "api"),
    staging("wallet-web-4f5e6d7", "site"),
    staging("wallet-core-runner", "runner", { health: "none" }),
    staging("wallet-core-worker-2", "worker", { health: "none" }),
    staging("wallet-core-payouts", "payouts-worker", { health: "none" }),
    staging("wallet-core-web-production-4f2a91c", "web", production),
  ];
  const { sources, board, setContainers } = createMemorySources(
    {
      containers,
      hosts: [sampleHost({ name: "vm" })],
      deployLogs: [
        sampleDeployLog([
          sampleRecord({ tag: "v41", deployedAt: ago(40_000), ...record }),
          sampleRecord({ tag: "v42", deployedAt, previousTag: "v41", durationSeconds: 60, ...record }),
        ]),
      ],
      queueSources: [
        {
          name: "river",
          env: "staging",
          metrics: [
            { name: "mail" },
            {
              name: "payouts",
              depth: 120,
              oldestAgeSeconds: 900,
              active: 1,
              workers: 2,
              processedPerSec: 0,
              failuresLastHour: 12,
              failuresRecent: 6,
            },
            { name: "pos_settlement", failuresLastHour: 22 },
          ],
          errors: [
            failure("payouts", "declined", 12),
            failure("pos_settlement", "pq: serialization failure", 22),
            failure("mail", "smtp refused", 2),
          ],
          jobs: {
            ...createMemoryJobs([job], [attempt]),
            page: (query, signal) => createMemoryJobs([...rows, job], [attempt]).page(query, signal),
          },
          control: sampleControl(),
          failedJobs: async (queue) => (queue === "mail" ? [{ error: "smtp refused", jobIds: ["2169"], jobs: 1 }] : []),
          running: async () => ({ jobs: [], total: 0, unnamed: 0 }),
          workerJobs: async () => [],
          history: async (_, { from, step }) => {
            const isBefore = from < boundary - 61;
            const point = { depth: 0, processedPerSec: 500 / step, failures: isBefore ? 2 : 151 };
            return new Map([["pos_settlement", sampleHistory(point)]]);
          },
        },
      ],
    },
    { restartEnabled: true, jobsEnabled: true, healthExecEnabled: true },
  );
  const answerRestart = sources.containers.restart.bind(sources.containers);
  const restart: typeof answerRestart = async (ref, ...rest) => {
    // As long as a container takes to stop: `restart --wait` looks each second.
    await setTimeout(1500);
    const isIt = ({ fullId }: Container) => fullId === ref.fullId;
    const set = (health: Container["health"], startedAt: string) =>
      setContainers(containers.map((container) => (isIt(container) ? { ...container, health, startedAt } : container)));
    const startedAt = ago(0);
    set("starting", startedAt);
    void setTimeout(2500).then(() => set("healthy", startedAt));
    return answerRestart(ref, ...rest);
  };
  Object.assign(sources.containers, { restart });
  const tokens = createTokens({ staging: { scopes, environments: ["staging"] } });
  const gateway = await startGateway(sources, { tokensFile: tokens.file });
  const dying = setInterval(() => {
    const [container = sampleContainer()] = containers;
    board.onEvent(sampleEvent({ action: "die", exitCode: 3, time: new Date().toISOString(), container }));
  }, 500);
  return {
    ...gateway,
    token,
    /** Has every right in staging. */
    stagingToken: tokens.of("staging"),
    /** Ends the job that runs in `wallet-core-worker-2`. */
    endJob: () => void rows.splice(0),
    async [Symbol.asyncDispose]() {
      clearInterval(dying);
      await gateway[Symbol.asyncDispose]();
      tokens[Symbol.dispose]();
    },
  };
}
