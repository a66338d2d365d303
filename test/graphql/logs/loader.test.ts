import { expect, it, onTestFinished, vi } from "vitest";
import type { LogHistory } from "../../../src/containers/logs/history/log-history.ts";
import { createLogLoaders } from "../../../src/graphql/logs/loader.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { createCaller } from "../../support/caller.ts";
import { replica } from "../../support/containers.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

function setUp(read: LogHistory["read"]) {
  const caller = createCaller();
  onTestFinished(() => caller.budget.end());
  const asked = vi.fn<LogHistory["read"]>(read);
  const logHistory: LogHistory = { read: asked, listContainers: async () => [], close: async () => {} };
  return { asked, loaders: createLogLoaders({ ...createMemorySources().sources, logHistory }, caller) };
}
const selector = { since: "", before: "", role: "web", names: [], service: null };

it("a failed history is not queried again by the same request", async () => {
  const error = new OpsError("log_history_unavailable", "away");
  const { asked, loaders } = setUp(() => Promise.reject(error));
  const first = await loaders.read(replica("a"), { tail: 9 });
  expect(first).toMatchObject({ historyError: error, truncated: true, lines: { length: 2 } });
  expect(await loaders.read(replica("b"), { tail: 9 })).toMatchObject({ historyError: error });
  await expect(loaders.listRemoved(selector)).rejects.toBe(error);
  expect(asked).toHaveBeenCalledTimes(1);
});

it("a slow history is queried for four seconds of a request", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const { asked, loaders } = setUp(async () => {
    vi.advanceTimersByTime(2500);
    return { lines: [], rest: null, bytes: 0 };
  });
  for (const name of ["a", "b"]) expect((await loaders.read(replica(name), { tail: 9 })).historyError).toBeUndefined();
  const { historyError } = await loaders.read(replica("c"), { tail: 9 });
  expect(historyError).toMatchObject({
    code: "log_history_unavailable",
    message: "The log history takes too long for one page",
  });
  expect(asked).toHaveBeenCalledTimes(2);
});
