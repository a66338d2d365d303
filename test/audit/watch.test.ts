import { expect, it } from "vitest";
import { createLocalLedger } from "../../src/audit/local.ts";
import { watchRecord } from "../../src/audit/watch.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { emptyHead, sampleChain, sampleEntry } from "../support/audit.ts";

/** A watched ledger; `isFull`: what tries find. */
function open(options: { everyMs: number; freshMs?: number }) {
  const words: string[] = [];
  const say = (_: object, text: string) => void words.push(text);
  const state = { asked: 0, isFull: true, isLost: false, hangs: false };
  const full = () => new OpsError("audit_unavailable", "The disk is full");
  const ledger = createLocalLedger({
    audit: {
      async write() {
        if (state.isLost) throw full();
        return 1;
      },
      async check() {
        state.asked += 1;
        if (state.hangs) await new Promise(() => {});
        if (state.isFull) throw full();
      },
      read: async () => [],
      head: async () => emptyHead,
      verify: async () => sampleChain(0),
      recover: async () => ({ open: [], keyed: [], limiting: [] }),
    },
  });
  const watch = watchRecord(ledger, { ...silentLogger, info: say, warn: say }, options);
  const canRecord = (can: boolean) => expect.poll(() => watch.canRecord(), { interval: 1 }).toBe(can);
  const asked = { limits: { cooldownMs: 0, parallel: null, budget: null }, toEntry: () => sampleEntry() };
  return { state, words, watch, canRecord, asked };
}

it("a record can be written if the last look said so", async () => {
  const { state, words, watch, canRecord } = open({ everyMs: 1 });
  // Nothing is known before the first look.
  expect(watch.canRecord()).toBe(false);
  watch.start();
  for (const full of [true, false, true, false]) {
    state.isFull = full;
    await canRecord(!full);
    // Equal looks are one line.
    const before = state.asked;
    await expect.poll(() => state.asked, { interval: 1 }).toBeGreaterThan(before + 3);
  }
  await watch.stop();
  const [lost, back] = ["not ready for actions: no record", "ready for actions again"];
  expect(words).toEqual([lost, back, lost, back]);
});

it("an action that cannot be recorded counts at once, until a try succeeds", async () => {
  const { state, words, watch, canRecord, asked } = open({ everyMs: 200 });
  state.isFull = false;
  watch.start();
  await canRecord(true);
  const begun = await watch.ledger.begin(asked);
  if (begun.kind !== "begun") throw new Error("not begun");
  // A refusal is no failure.
  expect(await watch.ledger.begin(asked)).toMatchObject({ kind: "refused" });
  expect(watch.canRecord()).toBe(true);
  state.isLost = true;
  const outcome = { outcome: "ok", detail: null, code: null, durationMs: 1 } as const;
  for (const work of [() => watch.ledger.end(begun, outcome), () => watch.ledger.begin(asked)]) {
    await expect(work()).rejects.toMatchObject({ code: "audit_unavailable" });
    expect(watch.canRecord()).toBe(false);
    await canRecord(true);
  }
  expect(words.filter((word) => word.startsWith("not ready"))).toHaveLength(2);
  await watch.stop();
});

it("a try that hangs says nothing for long", async () => {
  const { state, watch, canRecord } = open({ everyMs: 1, freshMs: 300 });
  state.isFull = false;
  watch.start();
  await canRecord(true);
  state.hangs = true;
  await expect.poll(() => watch.canRecord()).toBe(false);
});
