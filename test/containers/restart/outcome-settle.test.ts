import { describe, expect, it } from "vitest";
import type { RestartMark } from "../../../src/audit/audit.ts";
import { settleRestart } from "../../../src/containers/restart/outcome.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { sampleContainer, sampleMark } from "../../support/containers.ts";

const container = sampleContainer();
const mark = sampleMark();
const markedAt = Date.parse(mark.at);
const hour = 3_600_000;

interface Engine {
  /** Of its clock, since the mark, ms. */
  readonly sinceMark: number;
  /** How often it does not answer at first. */
  readonly silent?: number;
  readonly startedAt?: string;
  readonly isGone?: boolean;
  /** At which question its events have the restart. */
  readonly restartedAt?: number;
}

/** Follows a restart that its engine can be at for 600 ms. */
async function settle(
  engine: Engine,
  { wasSilent = false, entryMark = mark }: { wasSilent?: boolean; entryMark?: RestartMark | null } = {},
) {
  let [asked, left] = [0, engine.silent ?? 0];
  const answer = () => {
    if (left-- > 0) throw new OpsError("docker_timeout", "took longer than 2 s");
    if (engine.isGone) throw new OpsError("container_not_found", "No such container");
  };
  const startedAt = engine.startedAt ?? mark.startedAt ?? "";
  const source = {
    locate: async () => "own",
    markRestart: async () => {
      answer();
      const at = new Date(markedAt + engine.sinceMark).toISOString();
      return { container: { ...container, startedAt }, protectedBy: null, mark: { ...mark, startedAt, at } };
    },
    restartedSince: async () => ++asked >= (engine.restartedAt ?? Number.POSITIVE_INFINITY),
  };
  const entry = { mark: entryMark, containerId: container.fullId };
  const times = { timeoutMs: 60_000, busyMs: 600, wasSilent, signal: new AbortController().signal };
  const before = performance.now();
  const settled = await settleRestart(entry, mark.at, source, times);
  return { ...settled, asked, tookMs: performance.now() - before };
}

describe("a restart whose answer was lost", () => {
  it("has failed once its engine's clock is past it, however late that is", async () => {
    for (const sinceMark of [600, hour]) {
      expect(await settle({ sinceMark })).toMatchObject({ outcome: "failed", asked: 1 });
    }
  });

  it("is waited for as long as its engine may be at it", async () => {
    const late = await settle({ sinceMark: 100 });
    expect(late).toMatchObject({ outcome: "failed" });
    expect(late.tookMs).toBeGreaterThan(450);
    expect(await settle({ sinceMark: 100, restartedAt: 2 })).toMatchObject({ outcome: "ok", asked: 2 });
    // Its clock was set back: it has no more time than it had at first.
    expect(await settle({ sinceMark: -hour })).toMatchObject({ outcome: "failed" });
  });

  it("has all its time after its engine was silent", async () => {
    for (const [silent, wasSilent] of [
      [1, false],
      [0, true],
    ] as const) {
      const after = await settle({ sinceMark: hour, silent, restartedAt: 2 }, { wasSilent });
      expect(after).toMatchObject({ outcome: "ok", asked: 2 });
      expect((await settle({ sinceMark: hour, silent }, { wasSilent })).tookMs).toBeGreaterThan(550);
    }
  });

  it("stays unknown at once if its container started since without an event", async () => {
    const settled = await settle({ sinceMark: hour, startedAt: "2026-01-13T10:00:05Z" });
    expect(settled).toMatchObject({ outcome: "unknown", asked: 1, detail: expect.stringMatching(/^settled: now/) });
  });

  it("has failed at once if its container is gone", async () => {
    expect(await settle({ sinceMark: 0, isGone: true })).toMatchObject({ outcome: "failed", asked: 1 });
    expect(await settle({ sinceMark: 0, isGone: true, restartedAt: 1 })).toMatchObject({ outcome: "ok" });
  });

  it.each([
    ["over a network", null],
    ["through another socket", "boot-1 /run/other.sock"],
    ["on another machine", "boot-2 /var/run/docker.sock"],
  ])("asked %s never failed: its request may still arrive", async (_, socket) => {
    const asked = (engine: Engine) => settle(engine, { entryMark: { ...mark, socket } });
    const detail = "settled: now running, not restarted; its request was lost, or is still on its way to the engine";
    // As soon as the engine can be at it no more; it is looked for until 130 s after the mark.
    expect(await asked({ sinceMark: 600 })).toMatchObject({
      outcome: "unknown",
      detail,
      asked: 1,
      mayArriveMs: 129_400,
    });
    expect(await asked({ sinceMark: hour })).toMatchObject({ outcome: "unknown", detail, asked: 1, mayArriveMs: 0 });
    const clockSetBack = await asked({ sinceMark: -hour });
    expect(clockSetBack).toMatchObject({ outcome: "unknown" });
    expect(clockSetBack.mayArriveMs).toBeLessThan(1_330_000);
    expect(await asked({ sinceMark: hour, startedAt: "2026-01-13T10:00:05Z" })).toMatchObject({ outcome: "unknown" });
    // These are certain.
    expect(await asked({ sinceMark: 600, restartedAt: 1 })).toMatchObject({ outcome: "ok", mayArriveMs: 0 });
    expect(await asked({ sinceMark: 0, isGone: true })).toMatchObject({ outcome: "failed", mayArriveMs: 0 });
  });

  it("without a mark is over by the record's time, which may be wrong", async () => {
    const old = { entryMark: null };
    expect(await settle({ sinceMark: 300_600 }, old)).toMatchObject({ asked: 1 });
    expect(await settle({ sinceMark: 300_000, restartedAt: 2 }, old)).toMatchObject({ outcome: "ok" });
  });
});
