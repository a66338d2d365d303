/** What both programs print of an operation's answer. */
export interface Called {
  readonly status: number;
  readonly body: unknown;
}

/**
 * Asks every operation, and prints a JSON object of answers by operationId. The compiler refuses it
 * when an operation is missing.
 */
const ending = `
const answers: Record<string, unknown> = {};
for (const [id, call] of Object.entries(every)) {
  const { data, error, response } = await call();
  answers[id] = { status: response?.status, body: data ?? error };
}
const { data, error } = await calls.getQueues();
if (!data) throw new Error(error?.error.code);
const depths: number[] = data.queues.map((queue) => queue.depth);
const states: ("backlog" | "failing" | "idle" | "no_workers" | "ok" | "paused" | "stalled" | "unknown")[] = data.queues.map((queue) => queue.state);
// @ts-expect-error A queue has no such field.
data.queues.map((queue) => queue.length);
const [container] = (await calls.listContainers()).data ?? [];
const health: "healthy" | "none" | "starting" | "unhealthy" | undefined = container?.health;
// @ts-expect-error A number that may be unknown.
const restarts: number | undefined = container?.restarts;
const isStale: boolean | undefined = (await calls.getDeployInfo()).data?.stale;
const code: string | undefined = (await calls.missing()).error?.error.code;
console.log(JSON.stringify({ answers, depths, states, health, isStale, code }));
`;

/**
 * A program over the types of openapi-typescript in ops.d.ts. Environment: OPS_URL, OPS_TOKEN, NAME
 * (a container).
 */
export const fetchProgram = `
import createClient from "openapi-fetch";
import type { operations, paths } from "./ops.d.ts";

const { OPS_URL = "", OPS_TOKEN = "", NAME: name = "" } = process.env;
const ops = createClient<paths, "application/json">({ baseUrl: OPS_URL, headers: { authorization: \`Bearer \${OPS_TOKEN}\` } });
const one = { params: { path: { name } } };
const every = {
  listContainers: () =>
    ops.GET("/api/v1/admin/ops/containers", { params: { query: { env: "staging", include_stats: true } } }),
  getContainer: () => ops.GET("/api/v1/admin/ops/containers/{name}", one),
  getContainerLogs: () =>
    ops.GET("/api/v1/admin/ops/containers/{name}/logs", { params: { path: { name }, query: { tail: 1, level: "info" } } }),
  getContainerHealthCheck: () => ops.GET("/api/v1/admin/ops/containers/{name}/health-check", one),
  restartContainer: () =>
    ops.POST("/api/v1/admin/ops/containers/{name}/restart", { params: { path: { name }, header: { "Idempotency-Key": "fetch" } } }),
  restartContainerByGet: () => ops.GET("/api/v1/admin/ops/containers/{name}/restart", one),
  getQueues: () => ops.GET("/api/v1/admin/ops/queues"),
  getHosts: () => ops.GET("/api/v1/admin/ops/hosts"),
  getDeployInfo: () => ops.GET("/api/v1/admin/ops/deploy-info"),
} satisfies Record<keyof operations, unknown>;
const missing = () => ops.GET("/api/v1/admin/ops/containers/{name}", { params: { path: { name: "no-such" } } });
// @ts-expect-error No such environment.
const refused = () => ops.GET("/api/v1/admin/ops/containers", { params: { query: { env: "test" } } });
const calls = { ...every, missing };
${ending}`;

/** The same over the functions of @hey-api/openapi-ts in ops/. */
export const functionsProgram = `
import { client } from "./ops/client.gen.js";
import * as sdk from "./ops/sdk.gen.js";

const { OPS_URL = "", OPS_TOKEN = "", NAME: name = "" } = process.env;
client.setConfig({ baseUrl: OPS_URL, auth: OPS_TOKEN });
const one = { path: { name } };
const every = {
  listContainers: () => sdk.listContainers({ query: { env: "staging", include_stats: true } }),
  getContainer: () => sdk.getContainer(one),
  getContainerLogs: () => sdk.getContainerLogs({ ...one, query: { tail: 1, level: "info" } }),
  getContainerHealthCheck: () => sdk.getContainerHealthCheck(one),
  restartContainer: () => sdk.restartContainer({ ...one, headers: { "Idempotency-Key": "functions" } }),
  restartContainerByGet: () => sdk.restartContainerByGet(one),
  getQueues: () => sdk.getQueues(),
  getHosts: () => sdk.getHosts(),
  getDeployInfo: () => sdk.getDeployInfo(),
} satisfies Record<keyof typeof sdk, unknown>;
const missing = () => sdk.getContainer({ path: { name: "no-such" } });
// @ts-expect-error No such environment.
const refused = () => sdk.listContainers({ query: { env: "test" } });
const calls = { ...every, missing };
${ending}`;
