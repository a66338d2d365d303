import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { protectSecrets } from "../../../src/domain/own-secrets.ts";
import { OpsError } from "../../../src/errors.ts";
import { silentLogger } from "../../../src/logger.ts";
import { createContainerSource } from "../../../src/upstreams/docker/source.ts";
import { rulesOf } from "../../support/docker-facts.ts";
import { type FakeEngine, fullId, json, startFakeEngine } from "../../support/docker-fake.ts";
import { frame } from "../../support/docker-frames.ts";

const ref = { engine: "fake", fullId: fullId("a") };
const secret = "CANARYOFAPASSWORD";
protectSecrets([secret]);

/** What the engine answers, as a test wants it. */
const answers = { inspection: {} as unknown, created: {} as unknown, output: Buffer.alloc(0), ended: {} as unknown };
const sound = { inspection: { Config: { Healthcheck: { Test: ["CMD", "true"] } } }, created: { Id: fullId("e") } };
const ended = { Running: false, ExitCode: 0 };
let engine: FakeEngine;
let source: ReturnType<typeof createContainerSource>;

beforeAll(async () => {
  engine = await startFakeEngine();
  engine.on(`/containers/${ref.fullId}/json`, (request, response) => json(answers.inspection)(request, response));
  engine.on(`/containers/${ref.fullId}/exec`, (request, response) => json(answers.created, 201)(request, response));
  engine.on("/start", (_, response) => response.end(answers.output));
  engine.on(`/exec/${fullId("e")}/json`, (request, response) => json(answers.ended)(request, response));
  source = createContainerSource({ engines: [engine.options], rules: rulesOf("wallet-core"), logger: silentLogger });
});
afterAll(async () => {
  await source.close();
  await engine[Symbol.asyncDispose]();
});

/** The code of the error that a probe ends with; null when it ends with an answer. */
async function codeOf(changes: Partial<typeof answers>): Promise<string | null> {
  Object.assign(answers, sound, { output: frame("stdout", Buffer.from("ok")), ended }, changes);
  try {
    await source.probe(ref);
    return null;
  } catch (error) {
    if (error instanceof OpsError) return error.code;
    throw error;
  }
}

const odd = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom([], [null], ["CMD"], ["CMD", null], ["CMD-SHELL"], ["NONE"], -1, 0, 0.5, 1e300, -(2 ** 40), 2 ** 31, "1s", ""),
);

test("any inspection is a probe, no health check or docker_error", async () => {
  const healthcheck = fc.oneof(
    odd,
    fc.record({ Test: fc.oneof(odd, fc.array(fc.string())), Timeout: odd }, { requiredKeys: [] }),
  );
  const inspection = fc.oneof(odd, fc.record({ Config: odd }), fc.record({ Config: fc.record({ Healthcheck: healthcheck }) }));
  await fc.assert(
    fc.asyncProperty(inspection, async (answer) => {
      expect([null, "docker_error"]).toContain(await codeOf({ inspection: answer }));
    }),
    { numRuns: 300 },
  );
});

test("any answer to the exec itself is an exit code or docker_error", async () => {
  const end = fc.oneof(odd, fc.record({ Running: odd, ExitCode: odd }));
  const output = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
  const change = fc.oneof(
    fc.record({ created: fc.oneof(odd, fc.record({ Id: odd })) }),
    fc.record({ ended: end }),
    fc.record({ output }),
  );
  await fc.assert(
    fc.asyncProperty(change, async (changes) => {
      expect([null, "docker_error"]).toContain(await codeOf(changes as Partial<typeof answers>));
    }),
    { numRuns: 300 },
  );
});

test.each([
  [{}, null],
  [{ inspection: { Config: {} } }, null],
  [{ inspection: { Config: { Healthcheck: { Test: "true" } } } }, "docker_error"],
  [{ inspection: { Config: { Healthcheck: { Test: ["CMD", "true"], Timeout: "1s" } } } }, "docker_error"],
  [{ inspection: [] }, "docker_error"],
  [{ created: { Id: "../../containers" } }, "docker_error"],
  [{ ended: { Running: false, ExitCode: 2 ** 31 } }, "docker_error"],
])("%o ends with %s", async (changes, code) => {
  expect(await codeOf(changes)).toBe(code);
});

test("no part of a secret is left where a long output is cut", async () => {
  for (const end of [4096, 4096 + 512]) {
    for (let length = 1; length <= secret.length; length += 2) {
      // Redaction makes the second so much shorter that its end is shown.
      for (const start of ["x".repeat(end - length - 1), `password=${"c".repeat(end - length - 10)}`]) {
        Object.assign(answers, sound, { ended, output: frame("stderr", Buffer.from(`${start} ${secret}${" y".repeat(3000)}`)) });
        const run = await source.probe(ref);
        expect(run?.output).not.toMatch(/[A-Z]{4}/);
        expect(run?.output.length).toBeLessThanOrEqual(4096);
      }
    }
  }
});
