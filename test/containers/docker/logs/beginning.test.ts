import { expect, it } from "vitest";
import { readBeginning } from "../../../../src/containers/docker/logs/beginning.ts";
import { createSharedBudget } from "../../../../src/lib/budget/budget.ts";
import { toLogTimestamp } from "../../../../src/lib/time.ts";
import { fullId } from "../../../support/docker-fake.ts";
import { createLogEngine, type LogEntry } from "../../../support/log-engine.ts";

const base = 1_768_297_600;
const time = (seconds: number) => toLogTimestamp((base + seconds).toFixed(9));
const out = (seconds: number, text = `at ${seconds}`): LogEntry => ({ at: base + seconds, text });
const err = (seconds: number): LogEntry => ({ ...out(seconds, `error at ${seconds}`), stream: "stderr" });

async function read(log: readonly LogEntry[]) {
  const { engine, state } = createLogEngine();
  state.log = [...log];
  const budget = createSharedBudget(new AbortController().signal);
  const beginning = await readBeginning(engine, { engine: "web-1", fullId: fullId("a") }, { timeoutMs: 5000, budget });
  return { beginning, state };
}

it("the beginning has the first time of each stream, and its texts", async () => {
  const { beginning, state } = await read([out(1, "a"), out(1, "b"), err(2), err(3), out(3)]);
  expect(beginning).toEqual({
    stdout: { timestamp: time(1), messages: ["a", "b"] },
    stderr: { timestamp: time(2), messages: ["error at 2"] },
  });
  expect(state.queries).toEqual([{ stdout: 1, stderr: 1, timestamps: 1, tail: "all" }]);
});

it("a stream that begins later has no line before the disorder ends", async () => {
  expect((await read([out(1), out(9), err(9)])).beginning).toEqual({
    stdout: { timestamp: time(1), messages: ["at 1"] },
    stderr: { timestamp: time(3), messages: [] },
  });
  expect((await read([out(1)])).beginning?.stderr).toEqual({ timestamp: time(3), messages: [] });
});

it("the beginning has all texts of its time, with later lines between", async () => {
  const { beginning } = await read([out(1, "a"), err(2), err(3), out(1, "b"), err(4), out(5)]);
  expect(beginning?.stdout).toEqual({ timestamp: time(1), messages: ["a", "b"] });
  const late = await read([err(1), err(3.1), out(3, "a"), out(3, "b"), err(9)]);
  expect(late.beginning?.stdout).toEqual({ timestamp: time(3), messages: ["a", "b"] });
});

it("an empty log has no beginning", async () => {
  expect((await read([])).beginning).toBeNull();
});

it("a long log is read no further than its beginning", async () => {
  const { state } = await read([out(1), err(1), ...Array.from({ length: 100_000 }, (_, n) => out(2 + n))]);
  expect(state.streams[0]?.destroyed).toBe(true);
  expect(state.streams[0]?.readableEnded).toBe(false);
});
