import { describe, expect, it } from "vitest";
import type { AuditEntry } from "../../src/domain/audit.ts";
import { restartContainer } from "../../src/domain/restart.ts";
import { OpsError } from "../../src/errors.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer } from "../support/memory-sources.ts";

const container = sampleContainer();
const request = { reason: "stuck", requestId: "r1", principal: createCaller().principal };

function scene(restart: () => Promise<typeof container>, failAudit: "intent" | "outcome" | null = null) {
  const entries: AuditEntry[] = [];
  const order: string[] = [];
  const audit = {
    write: async (entry: AuditEntry) => {
      if (failAudit === (entry.outcome === "intent" ? "intent" : "outcome")) throw new OpsError("audit_unavailable", "disk full");
      order.push(entry.outcome);
      entries.push(entry);
    },
  };
  const source = {
    restart: () => {
      order.push("restart");
      return restart();
    },
  };
  return { entries, order, run: () => restartContainer(container, request, source, audit) };
}

describe("restartContainer", () => {
  it("records the intent before and the outcome after", async () => {
    const { entries, order, run } = scene(async () => container);
    expect(await run()).toBe(container);
    expect(order).toEqual(["intent", "restart", "ok"]);
    expect(entries[1]).toEqual({
      outcome: "ok",
      action: "restart",
      requestId: "r1",
      subject: "test",
      kid: "test",
      engine: "local",
      containerId: container.fullId,
      containerName: container.name,
      env: "staging",
      reason: "stuck",
      detail: "running",
    });
  });

  it("restarts nothing without a record", async () => {
    const { order, run } = scene(async () => container, "intent");
    await expect(run()).rejects.toMatchObject({ code: "audit_unavailable" });
    expect(order).toEqual([]);
  });

  it.each([
    ["docker_error", "failed"],
    ["restart_unknown", "unknown"],
  ] as const)("records %s as %s and passes it on", async (code, outcome) => {
    const { entries, run } = scene(() => Promise.reject(new OpsError(code, "left exited")));
    await expect(run()).rejects.toMatchObject({ code, message: "left exited" });
    expect(entries.at(-1)).toMatchObject({ outcome, detail: code });
  });

  it("tells the outcome even when it cannot be recorded", async () => {
    expect(await scene(async () => container, "outcome").run()).toBe(container);
  });
});
