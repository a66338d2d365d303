import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { protectSecrets } from "../../../src/lib/redact/secrets.ts";
import { toFingerprint } from "../../../src/queues/fingerprint.ts";
import { sampleContainer } from "../../support/containers.ts";
import { startGateway } from "../../support/gateway.ts";
import { createMemorySources } from "../../support/memory-sources.ts";
import { sampleControl } from "../../support/queues.ts";

const canary = "canary-of-the-gateway";
protectSecrets([canary]);
const given = `\u001b[31mstuck\u202e, pass\u200bword=canary-of-a-caller\nand ${canary}`;
const shown = "stuck, password=[redacted] and [redacted]";

const jobs = {
  name: "jobs",
  env: "staging" as const,
  metrics: [],
  errors: [],
  control: sampleControl(),
  failedJobs: async () => [{ error: "boom", jobIds: ["1"], jobs: 1 }],
};
const lines: string[] = [];
const write = (fields: object, message: string) => void lines.push(JSON.stringify([fields, message]));
const logger = { debug: write, info: write, warn: write, error: write };
let memory: ReturnType<typeof createMemorySources>;
let gateway: Awaited<ReturnType<typeof startGateway>>;

beforeAll(async () => {
  const containers = [sampleContainer({ name: "web-1" })];
  memory = createMemorySources({ containers, queueSources: [jobs] }, { restartEnabled: true, jobsEnabled: true });
  gateway = await startGateway(memory.sources, { logger });
});
beforeEach(() => {
  memory.audited.length = 0;
});
afterAll(() => gateway[Symbol.asyncDispose]());

const job = 'source: "jobs", reason: $reason';
const changes = [
  ["restartContainer", 'restartContainer(name: "web-1", reason: $reason) { name }'],
  ["restartRole", 'restartRole(role: "web", env: STAGING, reason: $reason) { complete }'],
  ["retryJob", `retryJob(${job}, jobId: "1") { state }`],
  ["discardJob", `discardJob(${job}, jobId: "1") { state }`],
  ["discardErrorGroup", `discardErrorGroup(${job}, queue: "mail", fingerprint: "${toFingerprint("boom")}") { count }`],
  ["retryErrorGroup", `retryErrorGroup(${job}, queue: "mail", fingerprint: "${toFingerprint("boom")}") { count }`],
] as const;

test.each(changes)("the reason of %s is cleaned in the record, its answers and the log", async (_, field) => {
  const { body } = await gateway.query(`mutation ($reason: String!) { ${field} }`, { reason: given });
  expect(body.errors).toBeUndefined();
  expect(memory.audited.map(({ reason }) => reason)).toEqual([shown, shown]);
  const { body: told } = await gateway.query("{ auditLog { nodes { reason } } timeline { nodes { message } } }");
  expect(told.data.auditLog.nodes).toEqual([{ reason: shown }, { reason: shown }]);
  expect(JSON.stringify([told, lines])).not.toMatch(/canary|\\u001b|\u202e/);
});

test("the reason of REST's restart is cleaned, in the timeline too", async () => {
  const path = `/api/v1/admin/ops/containers/web-1/restart?reason=${encodeURIComponent(given)}`;
  expect((await gateway.fetch(path, { method: "POST" })).status).toBe(200);
  expect(memory.audited.map(({ reason }) => reason)).toEqual([shown, shown]);
  const range = 'from: "2026-01-13T00:00:00Z", to: "2026-01-14T00:00:00Z", kinds: [RESTART]';
  const { body } = await gateway.query(`{ timeline(${range}) { nodes { message } } }`);
  expect(body.data.timeline.nodes.toReversed()).toEqual([{ message: `web-1 was restarted by default: ${shown}` }]);
});

test("a reason of invisible characters is empty", async () => {
  for (const [name, field] of changes) {
    const { body } = await gateway.query(`mutation ($reason: String!) { ${field} }`, { reason: "\u200b \u202e" });
    expect(body.errors?.[0].extensions.code, name).toBe(name === "restartContainer" ? undefined : "invalid_request");
  }
  expect(memory.audited.map(({ reason }) => reason)).toEqual([null, null]);
});
