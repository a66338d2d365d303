import { graphql } from "graphql";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { scopes } from "../../../src/auth/principal.ts";
import { createContext } from "../../../src/graphql/context.ts";
import { createSchema } from "../../../src/graphql/schema.ts";
import { type Environment, environments } from "../../../src/lib/environment.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { problemThresholds } from "../../../src/problems/rules.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer, sampleEngine } from "../../support/containers.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

const schema = createSchema();
const nowMs = Date.parse("2026-01-13T10:00:00Z");
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date", "performance", "setTimeout", "clearTimeout"], now: nowMs }));
afterEach(() => void vi.useRealTimers());

const old = { createdAt: "2026-01-13T08:00:00Z", startedAt: "2026-01-13T08:00:00Z", env: "staging" as const };
const loss = { ok: false, error: { code: "docker_unavailable", message: "refused" } };

/** An engine with a container for each kind of problem, which is lost at `nowMs`. */
function open() {
  const rows = [
    sampleContainer({ ...old, name: "web-1", role: "web", version: "v1", health: "unhealthy" }),
    sampleContainer({ ...old, name: "web-2", role: "web", version: "v2", engine: "other" }),
    sampleContainer({ ...old, name: "job", role: "job", status: "exited", finishedAt: "2026-01-13T09:00:00Z" }),
  ];
  const engines = ["local", "other"].map((name) => sampleEngine({ name, env: "staging", runs: new Set(["staging"]) }));
  const deploy = new OpsError("deploy_info_missing", "deploy_info.json not found on host");
  const { sources } = createMemorySources({ containers: rows, engines, deploy });
  const list = async () => ({ containers: rows, engines });
  const lose = () => {
    sources.containers.list = sources.containers.listRunning = async () => ({
      containers: rows.map((row) => ({ ...row, stale: row.engine === "local" })),
      engines: engines.map((engine) => (engine.name === "local" ? { ...engine, ...loss, lostAt: nowMs } : engine)),
    });
  };
  sources.containers.list = sources.containers.listRunning = list;
  const ask = async (where: readonly Environment[]) => {
    const source = "{ engines { name ok } problems { problems { kind title since } gaps } }";
    const { data, errors } = await graphql({
      schema,
      source,
      contextValue: createContext(sources, createCaller(scopes, where)),
    });
    expect(errors ?? []).toEqual([]);
    return data as { engines: { name: string; ok: boolean }[]; problems: { problems: { kind: string }[] } };
  };
  return { lose, ask };
}

describe("the problems of an engine that was just lost", () => {
  it.each([
    ["every environment", environments],
    ["its environment", ["staging"] as const],
  ])("stay as they were, for a token of %s", async (_who, where) => {
    const { lose, ask } = open();
    const before = await ask(where);
    expect(before.problems.problems.map(({ kind }) => kind)).toEqual([
      "ROLE_DOWN",
      "CONTAINER_UNHEALTHY",
      "MIXED_RELEASES",
      "MISSING_ON_ENGINE",
    ]);
    lose();
    vi.advanceTimersByTime(problemThresholds.lostSeconds * 1000 - 1);
    const during = await ask(where);
    expect(during.problems).toEqual(before.problems);
    // Every other answer shows it at once.
    expect(during.engines).toEqual([
      { name: "local", ok: false },
      { name: "other", ok: true },
    ]);
    vi.advanceTimersByTime(2000);
    const after = await ask(where);
    expect(after.problems.problems.map(({ kind }) => kind)).toEqual(["ENGINE_UNREACHABLE"]);
  });
});
