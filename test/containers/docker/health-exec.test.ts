import { Readable } from "node:stream";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, test, vi } from "vitest";
import type { Engine } from "../../../src/containers/docker/engine/engine.ts";
import { createHealthProber } from "../../../src/containers/docker/health-exec.ts";
import { createContainerSource } from "../../../src/containers/docker/source.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { protectSecrets } from "../../../src/lib/redact/secrets.ts";
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
  fc.constantFrom(
    [],
    [null],
    ["CMD"],
    ["CMD", null],
    ["CMD-SHELL"],
    ["NONE"],
    -1,
    0,
    0.5,
    1e300,
    -(2 ** 40),
    2 ** 31,
    "1s",
    "",
  ),
);

test("any inspection is a probe, no health check or docker_error", async () => {
  const healthcheck = fc.oneof(
    odd,
    fc.record({ Test: fc.oneof(odd, fc.array(fc.string())), Timeout: odd }, { requiredKeys: [] }),
  );
  const inspection = fc.oneof(
    odd,
    fc.record({ Config: odd }),
    fc.record({ Config: fc.record({ Healthcheck: healthcheck }) }),
  );
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

test("no part of a secret is left where a long output is truncated", async () => {
  for (const end of [4096, 4096 + 512]) {
    for (let length = 1; length <= secret.length; length += 2) {
      // Redaction makes the second so much shorter that its end is shown.
      for (const start of ["x".repeat(end - length - 1), `password=${"c".repeat(end - length - 10)}`]) {
        Object.assign(answers, sound, {
          ended,
          output: frame("stderr", Buffer.from(`${start} ${secret}${" y".repeat(3000)}`)),
        });
        const run = await source.probe(ref);
        expect(run?.output).not.toMatch(/[A-Z]{4}/);
        expect(run?.output.length).toBeLessThanOrEqual(4096);
      }
    }
  }
});

const script = `n=$1; shift
(sleep "$n"; kill -9 0) </dev/null >/dev/null 2>&1 &
w=$!; "$@"; r=$?; kill "$w" 2>/dev/null; exit "$r"`;

/** A prober of an engine without a connection; what it asked, and a clock of its own. */
function setUp(healthcheck: unknown, change: { output?: Buffer[]; exitCode?: number | null; takesMs?: number } = {}) {
  const { output = [frame("stdout", Buffer.from("ok"))], exitCode = 0, takesMs = 0 } = change;
  const log: unknown[] = [];
  const running = new AbortController().signal;
  let now = 1000;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
  onTestFinished(() => clock.mockRestore());
  const fake = {
    name: "web-1",
    ask(deadlineMs: number, run: (signal: AbortSignal) => Promise<unknown>) {
      log.push(deadlineMs);
      return run(running);
    },
    client: {
      async call(...asked: unknown[]) {
        log.push(asked.slice(0, 3));
        return { Config: { Healthcheck: healthcheck } };
      },
      async exec(path: string, body: object | null) {
        log.push([path, body]);
        return body ? { Id: fullId("e") } : { Running: false, ExitCode: exitCode };
      },
      async openExec(execId: string) {
        log.push(execId);
        now += takesMs;
        return Readable.from(output);
      },
    },
  } as unknown as Engine;
  const probe = createHealthProber();
  return {
    log,
    probe: () => probe(fake, ref),
    fail: () => void Object.assign(fake, { ask: () => Promise.reject(new Error("x")) }),
  };
}

describe("a probe", () => {
  it.each([
    [{ Test: ["CMD", "a", "b c"] }, ["a", "b c"]],
    [{ Test: ["CMD-SHELL", "a b", "c"] }, ["/bin/sh", "-c", "a b"]],
    [{ Test: ["CMD-SHELL", ""] }, ["/bin/sh", "-c", ""]],
  ])("of %j runs %j", async (healthcheck, command) => {
    const { log, probe } = setUp(healthcheck, { takesMs: 1234.4 });
    expect(await probe()).toEqual({
      output: "ok",
      exitCode: 0,
      timedOut: false,
      durationMs: 1234,
      checkedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
    const Cmd = ["/bin/sh", "-c", script, "health-check", "30", ...command];
    expect(log).toEqual([
      5000,
      [ref.fullId, "json", {}],
      35_000,
      [`/containers/${ref.fullId}/exec`, { AttachStdout: true, AttachStderr: true, Cmd }],
      fullId("e"),
      [`/exec/${fullId("e")}/json`, null],
    ]);
  });

  it.each([
    [null],
    [undefined],
    [{}],
    [{ Test: null }],
    [{ Test: [] }],
    [{ Test: ["NONE"] }],
    [{ Test: ["CMD"] }],
    [{ Test: ["CMD-SHELL"] }],
    [{ Test: ["cmd", "a"] }],
  ])("of %j does not exist", async (healthcheck) => {
    const { log, probe } = setUp(healthcheck);
    expect(await probe()).toBeNull();
    expect(log).toHaveLength(2);
  });

  it.each([
    [undefined, 30],
    [null, 30],
    [0, 30],
    [-1, 30],
    [1, 1],
    [1e9, 1],
    [1e9 + 1, 2],
    [29e9, 29],
    [31e9, 30],
  ])("with a timeout of %s ns has %i s", async (Timeout, seconds) => {
    const { log, probe } = setUp({ Test: ["CMD", "a"], Timeout });
    await probe();
    const { Cmd } = (log[3] as [string, { Cmd: string[] }])[1];
    expect([log[2], Cmd[4]]).toEqual([seconds * 1000 + 5000, String(seconds)]);
  });

  it.each([
    [137, 2000, true],
    [137, 1999, false],
    [136, 2000, false],
    [null, 2000, false],
  ])("that ends with %s after %i ms has timed out: %s", async (exitCode, takesMs, timedOut) => {
    const { probe } = setUp({ Test: ["CMD", "a"], Timeout: 2e9 }, { exitCode, takesMs });
    expect(await probe()).toMatchObject({ exitCode, timedOut, durationMs: takesMs });
  });

  it.each([
    [126, 'OCI runtime exec failed: exec: "/bin/sh": stat /bin/sh: no such file', true],
    [127, "crun: executable file `/bin/sh` not found", true],
    [127, "curl: not found", false],
    [1, 'exec: "/bin/sh"', false],
  ])("that ends with %i and %j has no shell: %s", async (exitCode, text, lacksShell) => {
    const { probe } = setUp({ Test: ["CMD", "a"] }, { exitCode, output: [frame("stderr", Buffer.from(text))] });
    const outcome = await probe().catch((error: unknown) => error);
    const failure = {
      code: "docker_error",
      message: "Docker engine web-1: the container has no /bin/sh, which is needed to end a probe in time",
      upstream: "docker:web-1",
    };
    expect(outcome).toMatchObject(lacksShell ? failure : { exitCode, output: text });
  });

  it("is shared by concurrent callers, and new after it", async () => {
    const { log, probe } = setUp({ Test: ["CMD", "a"] });
    const [first, second] = [probe(), probe()];
    expect(second).toBe(first);
    await first;
    expect(log).toHaveLength(6);
    await probe();
    expect(log).toHaveLength(12);
  });

  it("that fails does not answer the next caller", async () => {
    const { probe, fail } = setUp({ Test: ["CMD", "a"] });
    fail();
    const first = probe();
    await expect(first).rejects.toThrow("x");
    const second = probe();
    expect(second).not.toBe(first);
    await expect(second).rejects.toThrow("x");
  });
});

describe("the output of a probe", () => {
  const read = async (...output: Buffer[]) => (await setUp({ Test: ["CMD", "a"] }, { output }).probe())?.output;

  it("has both streams in order", async () => {
    expect(
      await read(
        frame("stdout", Buffer.from("a ")),
        frame("stderr", Buffer.from("b ")),
        frame("stdout", Buffer.from("c")),
      ),
    ).toBe("a b c");
    expect(await read()).toBe("");
  });

  it("ends where it is not a stream of Docker", async () => {
    expect(
      await read(frame("stdout", Buffer.from("a")), Buffer.from("nonsense!"), frame("stdout", Buffer.from("b"))),
    ).toBe("a");
  });

  it.each([
    [4096, 4096],
    [4607, 4096],
    [4608, 4096],
    [10_000, 4096],
  ])("of %i bytes is shown up to %i", async (size, shown) => {
    const text = "x ".repeat(size / 2).padEnd(size, "y");
    const halves = [Buffer.from(text.slice(0, 3000)), Buffer.from(text.slice(3000))];
    expect(await read(...halves.map((half) => frame("stdout", half)))).toBe(text.slice(0, shown));
  });

  it("loses its last word where it was truncated", async () => {
    const start = `password=${"c".repeat(400)} `.repeat(11);
    const whole = `${start}${"w".repeat(4607 - start.length)}`;
    expect(await read(frame("stdout", Buffer.from(whole)))).toMatch(/w$/);
    expect(await read(frame("stdout", Buffer.from(`${whole}w`)))).not.toMatch(/w$/);
    expect(await read(frame("stdout", Buffer.from(`${whole}w`)), frame("stdout", Buffer.from("more")))).not.toMatch(
      /w+$|more/,
    );
  });
});

test.each([
  ["GET /containers/{id}/json", { inspection: [] }],
  ["POST /containers/{id}/exec", { created: {} }],
  ["GET /exec/{id}/json", { ended: {} }],
])("an unexpected answer of %s is named", async (call, changes) => {
  Object.assign(answers, sound, { output: frame("stdout", Buffer.from("ok")), ended }, changes);
  await expect(source.probe(ref)).rejects.toThrow(`Docker engine fake: unexpected response to ${call}`);
});
