import { beforeEach, expect, test } from "vitest";
import type { Container } from "../../src/containers/container.ts";
import type { DeployInfo } from "../../src/deploys/deploy.ts";
import type { Sources } from "../../src/graphql/sources.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer, sampleEngine } from "../support/containers.ts";
import { sampleDeployInfo } from "../support/deploys.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { createRest } from "../support/rest.ts";

/**
 * Sources whose rows and deploy the test exchanges, as a source does when it has learned something.
 */
let rows: readonly Container[];
let deploy: DeployInfo;
let isOk: boolean;
let lists: number;
/** What happens while an answer is made. */
let meanwhile: () => void;

const engines = () => [
  sampleEngine({
    runs: new Set(rows.flatMap(({ env }) => env ?? [])),
    ok: isOk,
    error: isOk ? null : { code: "docker_unavailable", message: "gone" },
  }),
];
const memory = createMemorySources().sources;
const sources: Sources = {
  ...memory,
  deploy: { ...memory.deploy, read: async () => deploy },
  containers: {
    ...memory.containers,
    list: async () => {
      lists += 1;
      const listing = { containers: rows, engines: engines() };
      meanwhile();
      return listing;
    },
    listCached: () => ({ containers: rows, engines: engines() }),
  },
};
let rest: ReturnType<typeof createRest>;

beforeEach(() => {
  rows = [sampleContainer({ name: "a" })];
  deploy = sampleDeployInfo;
  isOk = true;
  lists = 0;
  meanwhile = () => {};
  rest = createRest(sources);
});

const list = async (query = "") => JSON.parse((await rest.get("/containers", query)).body) as Record<string, unknown>[];

test("the same rows are answered from memory; others are answered anew", async () => {
  await list();
  await list();
  expect(lists).toBe(1);
  rows = [sampleContainer({ name: "a", status: "exited" })];
  expect(await list()).toMatchObject([{ status: "exited" }]);
  expect(lists).toBe(2);
});

test("what changes while an answer is made is in the next one", async () => {
  meanwhile = () => {
    rows = [sampleContainer({ name: "a", status: "exited" })];
    meanwhile = () => {};
  };
  await list();
  expect(await list()).toMatchObject([{ status: "exited" }]);
});

test("a new deploy_info gives the rows that it names their new version", async () => {
  rows = [sampleContainer({ name: "a", version: "latest", floating: true, commitSha: "" })];
  expect(await list()).toMatchObject([{ version: sampleDeployInfo.currentTag }]);
  expect(await list()).toMatchObject([{ version: sampleDeployInfo.currentTag }]);
  expect(lists).toBe(1);
  deploy = { ...sampleDeployInfo, currentTag: "deploy-2" };
  expect(await list()).toMatchObject([{ version: "deploy-2" }]);
});

test("tokens, parameters and paths do not share answers", async () => {
  rows = [sampleContainer({ name: "a" }), sampleContainer({ name: "b", env: "production" })];
  expect(await list()).toHaveLength(2);
  expect(await list("env=staging")).toHaveLength(1);
  expect(await list("include_stats=true")).toMatchObject([{ cpu_pct: 12.4 }, {}]);
  expect(await list()).toHaveLength(2);
  const { body } = await rest.call("GET", "/containers", "", undefined, createCaller(undefined, ["staging"]));
  expect(JSON.parse(body)).toHaveLength(1);
  await expect(rest.call("GET", "/containers", "", undefined, createCaller(["ops:logs"]))).rejects.toMatchObject({
    code: "forbidden",
  });
  expect(await list()).toHaveLength(2);
});

test("a remembered empty list is an error once the engine is lost", async () => {
  rows = [];
  expect(await list()).toEqual([]);
  isOk = false;
  await expect(list()).rejects.toMatchObject({ code: "docker_unavailable" });
  isOk = true;
  expect(await list()).toEqual([]);
});

test("a remembered long body is one Buffer for all its readers", async () => {
  rows = Array.from({ length: 100 }, (_, index) => sampleContainer({ name: `web-${index}` }));
  const [first, second, third] = [
    await rest.get("/containers"),
    await rest.get("/containers"),
    await rest.get("/containers"),
  ];
  expect(second.body).toBe(first.body);
  expect(second.raw).toBeInstanceOf(Buffer);
  expect(third.raw).toBe(second.raw);
});

test("a remembered answer has a tag, and is not sent twice to one client", async () => {
  const first = await rest.call("GET", "/containers");
  const { etag } = first.headers ?? {};
  expect(etag).toMatch(/^"[\w-]{27}"$/);
  const asked = { "if-none-match": String(etag) };
  const again = await rest.call("GET", "/containers", "", undefined, undefined, asked);
  expect(again).toMatchObject({ status: 304, body: "", headers: { etag, "x-ops-engines": expect.any(String) } });
  expect(lists).toBe(1);
  rows = [sampleContainer({ name: "a", status: "exited" })];
  const changed = await rest.call("GET", "/containers", "", undefined, undefined, asked);
  expect(changed.status).toBe(200);
  expect(changed.headers?.["etag"]).not.toBe(etag);
});

test("an answer of sources that are read anew each time has its tag too", async () => {
  const first = await rest.call("GET", "/hosts");
  const { etag } = first.headers ?? {};
  expect([etag, sources.hosts.reportCached()]).toEqual([expect.stringMatching(/^"[\w-]{27}"$/), null]);
  const again = await rest.call("GET", "/hosts", "", undefined, undefined, { "if-none-match": String(etag) });
  expect([again.status, again.body]).toEqual([304, ""]);
});

test.each(["/containers/a/logs", "/containers/a/health-check"])(
  "%s has no tag: it must not be stored",
  async (path) => {
    const { headers, policy } = await rest.call("GET", path);
    expect([headers?.["etag"], policy]).toEqual([undefined, undefined]);
  },
);
