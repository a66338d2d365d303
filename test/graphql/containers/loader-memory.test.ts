import { describe, expect, it, onTestFinished } from "vitest";
import { createContext } from "../../../src/graphql/context.ts";
import { readRoleLogs } from "../../../src/graphql/logs/role-loader.ts";
import { createCaller } from "../../support/caller.ts";
import { replica } from "../../support/containers.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

/** As many as one engine has; together they take 7.7 MB of the 29 MB of one token. */
const containers = Array.from({ length: 5000 }, (_, index) => replica(`web-${index}`));

/** A request whose engine never answers, and others beside it. */
function createStage() {
  const { sources } = createMemorySources({ containers });
  const never = () => new Promise<never>(() => {});
  Object.assign(sources.containers, { stats: never, logs: never });
  return () => {
    const caller = createCaller();
    onTestFinished(() => caller.budget.end());
    return { caller, context: createContext(sources, caller) };
  };
}

type Ask = (context: ReturnType<typeof createContext>) => Promise<unknown>;

describe.each<[string, Ask]>([
  ["statistics", ({ loaders }) => loaders.containers.stats.loadEach(containers)],
  ["logs", (context) => readRoleLogs(context, { role: "web", includeAccessories: false }, { tail: 1 })],
])("%s of 5,000 containers", (_what, ask) => {
  it("are read by at most three requests of a token at a time", async () => {
    const begin = createStage();
    const reading = [begin(), begin(), begin()];
    const answers = reading.map(({ context }) => ask(context).catch((error: unknown) => error));
    // None of them is refused, and none ends.
    await new Promise((resolve) => setImmediate(resolve));
    expect(await Promise.race([...answers, Promise.resolve("waiting")])).toBe("waiting");
    await expect(ask(begin().context)).rejects.toMatchObject({ code: "overloaded" });
    reading[0]?.caller.budget.end();
    const next = ask(begin().context).catch((error: unknown) => error);
    await new Promise((resolve) => setImmediate(resolve));
    expect(await Promise.race([next, Promise.resolve("waiting")])).toBe("waiting");
  });
});
