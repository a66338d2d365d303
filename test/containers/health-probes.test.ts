import { beforeEach, describe, expect, it } from "vitest";
import type { AuditLog, AuditRecord } from "../../src/audit/audit.ts";
import { createLocalLedger } from "../../src/audit/local.ts";
import { createHealthProbes } from "../../src/containers/health-probes.ts";
import type { ProbeRun } from "../../src/containers/source.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { emptyHead, sampleChain, sampleEntry } from "../support/audit.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer } from "../support/containers.ts";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";

const caller = createCaller();
const request = { principal: caller.principal, origin: caller.origin(), requestId: "r1" };
const container = sampleContainer();
const passed: ProbeRun = {
  exitCode: 0,
  output: "ok",
  timedOut: false,
  durationMs: 20,
  checkedAt: "2026-01-13T09:46:00Z",
};
const unwritable = new OpsError("audit_unavailable", "The audit record cannot be written");

let written: AuditRecord[];
let steps: string[];
let open: Awaited<ReturnType<AuditLog["recover"]>>["open"];
let writeError: Error | null;
beforeEach(() => {
  [written, steps, open, writeError] = [[], [], [], null];
});
const audit: AuditLog = {
  write: async (entry) => {
    if (writeError) throw writeError;
    steps.push(entry.outcome);
    return written.push({ ...entry, seq: written.length + 1, at: "2026-01-13T09:46:00.000Z", hash: "" });
  },
  read: async () => [],
  check: async () => {},
  head: async () => emptyHead,
  verify: async () => sampleChain(written.length),
  recover: async () => ({ open, keyed: [], limiting: [] }),
};

function create(probe: () => Promise<ProbeRun | null>) {
  const source = {
    probe: () => {
      steps.push("probe");
      return probe();
    },
  };
  return createHealthProbes({ source, ledger: createLocalLedger({ audit }) });
}

describe("a health check on demand", () => {
  it("has its intent recorded before it runs, and its outcome after", async () => {
    expect(await create(async () => passed).run(container, request)).toBe(passed);
    expect(steps).toEqual(["intent", "probe", "ok"]);
    expect(written).toMatchObject([
      {
        action: "probe",
        outcome: "intent",
        subject: "test",
        requestId: "r1",
        ip: "192.0.2.7",
        containerName: container.name,
        containerId: container.fullId,
        engine: "local",
        env: "staging",
        reason: null,
      },
      { action: "probe", outcome: "ok", intent: 1, detail: "exit code 0", code: null, durationMs: expect.any(Number) },
    ]);
  });

  it.each([
    [{ ...passed, exitCode: 1 }, "exit code 1"],
    [{ ...passed, exitCode: 137, timedOut: true, durationMs: 2003 }, "exit code 137, killed after 2003 ms"],
    [{ ...passed, exitCode: null }, "no exit code"],
    [null, "no health check"],
  ])("of %o is recorded as one that ran: %s", async (run, detail) => {
    await create(async () => run).run(container, request);
    expect(written[1]).toMatchObject({ outcome: "ok", detail });
  });

  it("does not run where it cannot be recorded", async () => {
    writeError = unwritable;
    await expect(create(async () => passed).run(container, request)).rejects.toBe(unwritable);
    expect(steps).toEqual([]);
  });

  it.each([
    ["docker_error", "failed", 500],
    ["docker_forbidden", "failed", 403],
    ["docker_timeout", "unknown", undefined],
    ["docker_unavailable", "unknown", undefined],
  ] as const)("that ends with %s is recorded as %s", async (code, outcome, upstreamStatus) => {
    const error = new OpsError(code, "why", { upstreamStatus });
    await expect(create(() => Promise.reject(error)).run(container, request)).rejects.toBe(error);
    expect(written[1]).toMatchObject({ outcome, code, detail: `${code}: why`, dockerStatus: upstreamStatus ?? null });
  });

  it("is recorded as unknown by the next process if the gateway died", async () => {
    const left = { ...sampleEntry({ action: "probe" }), seq: 7, at: "2026-01-13T09:40:00.000Z", hash: "" };
    open = [
      { intent: left, hasOutcome: false, wasGivenUp: false },
      { intent: { ...left, seq: 8 }, hasOutcome: true, wasGivenUp: false },
      { intent: { ...left, seq: 9, action: "restart" }, hasOutcome: false, wasGivenUp: false },
    ];
    const probes = create(async () => null);
    await Promise.all([probes.recover(), probes.run(container, request)]);
    expect(written.map(({ outcome, intent }) => [outcome, intent])).toEqual([
      ["unknown", 7],
      ["intent", null],
      ["ok", 2],
    ]);
  });

  it("is awaited with its outcome when the gateway stops", async () => {
    const { promise, resolve } = Promise.withResolvers<ProbeRun>();
    const probes = create(() => promise);
    const running = probes.run(container, request);
    await expect.poll(() => steps).toEqual(["intent", "probe"]);
    let closed = false;
    const closing = probes.close().then(() => (closed = true));
    await new Promise(setImmediate);
    expect(closed).toBe(false);
    resolve(passed);
    await Promise.all([running, closing]);
    expect(steps).toEqual(["intent", "probe", "ok"]);
  });
});

describe("probe=true", () => {
  const path = `/api/v1/admin/ops/containers/${container.name}/health-check?probe=true`;

  it("is in auditLog with who, what and outcome, in no timeline", async () => {
    const memory = createMemorySources({ containers: [container] }, { healthExecEnabled: true });
    await using gateway = await startGateway(memory.sources);
    expect((await gateway.fetch(path)).status).toBe(200);
    const { body } = await gateway.query(
      '{ auditLog { nodes { action outcome subject containerName detail } } timeline(from: "2026-01-13T00:00:00Z", kinds: [RESTART]) { nodes { message } } }',
    );
    const who = { action: "probe", subject: "default", containerName: container.name };
    expect(body.data).toEqual({
      auditLog: {
        nodes: [
          { ...who, outcome: "ok", detail: "exit code 1" },
          { ...who, outcome: "intent", detail: null },
        ],
      },
      timeline: { nodes: [] },
    });
  });

  it("is 503 audit_unavailable without a record, and runs nothing", async () => {
    const memory = createMemorySources({ containers: [container] }, { healthExecEnabled: true });
    memory.audit.write = () => Promise.reject(unwritable);
    await using gateway = await startGateway(memory.sources);
    const response = await gateway.fetch(path);
    expect([response.status, ((await response.json()) as { error: { code: string } }).error.code]).toEqual([
      503,
      "audit_unavailable",
    ]);
    expect(memory.calls).not.toHaveProperty("probe");
    expect((await gateway.fetch(path.replace("?probe=true", ""))).status).toBe(200);
  });

  it("leaves no record if nothing could run", async () => {
    const stopped = sampleContainer({ name: "stopped", status: "exited" });
    const off = createMemorySources({ containers: [container] });
    const on = createMemorySources({ containers: [stopped] }, { healthExecEnabled: true });
    await using one = await startGateway(off.sources);
    await using other = await startGateway(on.sources);
    expect((await one.fetch(path)).status).toBe(403);
    expect((await other.fetch(path.replace(container.name, "stopped"))).status).toBe(200);
    expect([off.audited, on.audited]).toEqual([[], []]);
  });
});
