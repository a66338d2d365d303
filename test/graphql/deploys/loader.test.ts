import { describe, expect, it } from "vitest";
import type { DeployInfo } from "../../../src/deploys/deploy.ts";
import { createContext } from "../../../src/graphql/context.ts";
import { maySeeDeploy } from "../../../src/graphql/deploys/info-loader.ts";
import type { Environment } from "../../../src/lib/environment.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer } from "../../support/containers.ts";
import { sampleDeployInfo, sampleDeployLog, sampleRecord } from "../../support/deploys.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

const missing = { code: "deploy_info_missing", message: "deploy_info.json not found on host" };
const unreadable = new OpsError("deploy_info_unreadable", "EACCES");
const limited = (...where: Environment[]) => createCaller(undefined, where);

describe("the deploy info", () => {
  const load = (deploy: DeployInfo | Error, caller = createCaller()) => {
    const { sources, calls } = createMemorySources(
      { deploy },
      { env: "staging", isOwnService: (service) => service === "core" },
    );
    return { loader: createContext(sources, caller).loaders.deploy, calls };
  };
  const production = { ...sampleDeployInfo, env: "production" as const };

  it.each<[string, DeployInfo | Error, Environment[], object | null]>([
    ["of its environment", { ...sampleDeployInfo, env: "staging" }, ["staging"], null],
    ["of another environment", production, ["staging"], missing],
    ["of no known environment", sampleDeployInfo, ["staging"], missing],
    ["of no known environment, for tokens of every one", sampleDeployInfo, ["staging", "production"], null],
    ["that cannot be read", unreadable, ["staging"], { code: "deploy_info_unreadable", message: "EACCES" }],
    ["that cannot be read and is not the token's", unreadable, ["production"], missing],
  ])("%s is there, or not", async (_what, deploy, where, refusal) => {
    const { loader, calls } = load(deploy, limited(...where));
    const found = await loader.info().then(
      () => null,
      ({ code, message }: OpsError) => ({ code, message }),
    );
    expect(found).toEqual(refusal);
    expect(await loader.known()).toEqual(refusal === null ? deploy : null);
    expect(calls).toEqual({ deploy: 1 });
  });

  it.each<[string | null, Environment | null, Environment[], boolean]>([
    [null, "staging", ["staging"], true],
    ["core", "staging", ["staging"], true],
    ["core", "staging", ["production"], false],
    ["shop", "staging", ["staging"], false],
    ["shop", "staging", ["staging", "production"], true],
    ["core", null, ["staging"], false],
  ])("of the service %j in %j is seen by a token for %j: %j", (service, env, where, isSeen) => {
    const { sources } = createMemorySources({}, { isOwnService: (name) => name === "core" });
    expect(maySeeDeploy(sources, limited(...where).principal, { service, env })).toBe(isSeen);
  });
});

describe("the files of deploys", () => {
  const own = sampleRecord({ tag: "own" });
  const other = sampleRecord({ tag: "other", env: "production" });
  const log = { origin: "history" as const, records: [own, other], skipped: 3, complete: false, error: null };

  it.each<[Environment[], string[], number]>([
    [["staging", "production"], ["own", "other"], 3],
    [["staging"], ["own"], 3],
    [["production"], ["other"], 0],
  ])("for a token for %j have the deploys %j and %i malformed lines", async (where, tags, skipped) => {
    const { sources, calls } = createMemorySources({ deployLogs: [log] }, { env: "staging" });
    const { loaders } = createContext(sources, limited(...where));
    const [read] = await loaders.deploys.logs();
    expect(read?.records.map(({ tag }) => tag)).toEqual(tags);
    expect({ ...read, records: [] }).toEqual({ ...log, records: [], skipped });
    await loaders.deploys.logs();
    expect(calls).toEqual({ deployHistory: 1 });
  });
});

describe("all deploys", () => {
  it("are read once, however they are used", async () => {
    const { sources, calls } = createMemorySources({
      containers: [sampleContainer()],
      deployLogs: [sampleDeployLog([sampleRecord()])],
    });
    const { loaders } = createContext(sources, createCaller());
    const all = await loaders.deploys.all();
    expect(await loaders.deploys.all()).toBe(all);
    expect(await loaders.deploys.drift()).toBe(await loaders.deploys.drift());
    const [first] = all;
    if (first) await loaders.deploys.verdict(first, 600);
    expect(calls).toEqual({ deploy: 1, deployHistory: 1, images: 1, retired: 1, list: 1 });
  });

  it("are not known to run on silent engines", async () => {
    const error = { code: "docker_timeout", message: "slow" };
    const states = async (ok: boolean) => {
      const { sources } = createMemorySources({
        engines: [{ name: "local", ok, error: ok ? null : error }],
        deploy: unreadable,
        deployLogs: [sampleDeployLog([sampleRecord()])],
      });
      return (await createContext(sources, createCaller()).loaders.deploys.all()).map(({ state }) => state);
    };
    expect(await states(false)).toEqual(["unknown"]);
    expect(await states(true)).not.toEqual(["unknown"]);
  });
});
