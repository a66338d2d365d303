import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createContext } from "../../../src/graphql/context.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer } from "../../support/containers.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

/** Hosts that answer when they are let, or fail when their reader leaves. */
function open() {
  const { sources, calls } = createMemorySources({ containers: [sampleContainer({ health: "unhealthy" })] });
  const { promise, resolve: answer } = Promise.withResolvers<void>();
  const report = sources.hosts.report.bind(sources.hosts);
  sources.hosts.report = async (signal) => {
    const left = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(new OpsError("prometheus_unavailable", "gave up")));
    });
    await Promise.race([promise, left]);
    return report(signal);
  };
  const ask = (signal = createCaller().signal, caller = createCaller()) =>
    createContext(sources, { ...caller, signal }).loaders.problems(null);
  return { ask, answer, calls };
}

const kindsOf = ({ problems }: Awaited<ReturnType<ReturnType<typeof open>["ask"]>>) => problems.map(({ kind }) => kind);

describe("the loader of problems", () => {
  it("reads once for all who may see the same", async () => {
    const { ask, answer, calls } = open();
    answer();
    const [first, ...others] = await Promise.all([ask(), ask(), ask()]);
    expect(others).toEqual([first, first]);
    expect(await ask()).toBe(first);
    expect([calls["list"], calls["hosts"]]).toEqual([1, 1]);
    const staging = createCaller(["ops:read"], ["staging"]);
    expect(kindsOf(await ask(undefined, staging))).toEqual(["container_unhealthy"]);
    expect(calls["list"]).toBe(2);
  });

  it("answers those who stay when the first caller leaves", async () => {
    const { ask, answer } = open();
    const leaver = new AbortController();
    const gone = ask(leaver.signal);
    const stays = ask();
    leaver.abort(new Error("left"));
    await expect(gone).rejects.toThrow("left");
    answer();
    expect(kindsOf(await stays)).toEqual(["container_unhealthy"]);
  });

  it("remembers nothing of a read that all have left", async () => {
    const { ask, answer } = open();
    const leaver = new AbortController();
    const gone = ask(leaver.signal);
    leaver.abort(new Error("left"));
    await expect(gone).rejects.toThrow("left");
    // Its read ends a few turns later: Prometheus looks as if it had failed.
    for (let turn = 0; turn < 20; turn += 1) await setImmediate();
    answer();
    expect(kindsOf(await ask())).toEqual(["container_unhealthy"]);
  });
});
