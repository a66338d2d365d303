import { beforeAll, expect, test } from "vitest";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { toLogTimestamp } from "../../src/lib/time.ts";
import { sampleContainer } from "../support/containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { type FakeEngine, fullId, inspected, json, listed, startFakeEngine } from "../support/docker-fake.ts";
import { frame } from "../support/docker-frames.ts";
import { graphqlHeaders, startGateway } from "../support/gateway.ts";
import { at } from "../support/logs.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { createTokens } from "../support/tokens.ts";

// Loading it takes longer than the short deadlines of an engine.
beforeAll(() => import("dockerode"));

const fields = `lines { kind timestamp message container { name version } } truncated
  containers { container { name } truncated error { code } }`;

interface Kept {
  readonly name: string;
  readonly version: string;
  readonly state: string;
  /** Whole seconds after the moment of `at`. */
  readonly created: number;
  /** Milliseconds after it. */
  readonly lines: readonly number[];
  readonly labels?: object;
}

/**
 * An engine with these containers, which keeps their logs as Docker does: `tail` first, then
 * `since`.
 */
async function startEngine(...containers: readonly Kept[]): Promise<FakeEngine> {
  const engine = await startFakeEngine();
  const toLabels = ({ labels }: Kept) => labels ?? { service: "wallet-core", role: "web" };
  const rows = containers.map((one, n) =>
    listed(fullId(String(n + 1)), one.name, { State: one.state, Labels: toLabels(one) }),
  );
  engine.on("/containers/json", json(rows));
  for (const [n, one] of containers.entries()) {
    const id = fullId(String(n + 1));
    const config = { Labels: toLabels(one), Env: [`KAMAL_VERSION=${one.version}`] };
    const [Created, State] = [at(one.created * 1000), { Status: one.state, StartedAt: at(one.created * 1000) }];
    engine.on(`${id}/json`, json({ ...inspected(id, one.name, config), Created, State }));
    engine.on(`${id}/logs`, (request, response) => {
      const query = new URL(request.url ?? "", "http://engine").searchParams;
      const [tail, since] = [query.get("tail") ?? "all", toLogTimestamp(query.get("since") ?? "0")];
      const newest = tail === "all" ? one.lines : one.lines.slice(-Number(tail));
      for (const ms of newest.filter((time) => at(time) >= since)) {
        response.write(frame("stdout", Buffer.from(`${at(ms)} ${one.version} at ${ms}\n`)));
      }
      response.end();
    });
  }
  return engine;
}

async function startHistory(engine: FakeEngine) {
  const containers = createContainerSource({
    engines: [engine.options],
    rules: rulesOf("wallet-core"),
    logger: silentLogger,
  });
  const gateway = await startGateway({ ...createMemorySources().sources, containers });
  const ask = async (args: string) => {
    const { data, errors } = (await gateway.query(`{ logs(role: "web", ${args}) { ${fields} } }`)).body;
    expect(errors).toBeUndefined();
    return data.logs;
  };
  const close = async () => {
    await gateway[Symbol.asyncDispose]();
    await containers.close();
  };
  return { ask, [Symbol.asyncDispose]: close };
}

const oldest: Kept = { name: "web-v0", version: "v0", state: "exited", created: 10, lines: [11_000, 12_000, 13_000] };
const old: Kept = { name: "web-v1", version: "v1", state: "exited", created: 20, lines: [21_000, 22_000, 30_500] };
const current: Kept = { name: "web-v2", version: "v2", state: "running", created: 30, lines: [31_000, 32_000, 33_000] };
const texts = (page: any) => page.lines.map(({ kind, message }: any) => (kind === "MARKER" ? "marker" : message));

test("releases before the last deploy are read, each after a marker", async () => {
  await using engine = await startEngine(
    oldest,
    { ...current, name: "web-v2_replaced_0123456789abcdef", state: "exited", created: 29, lines: [29_500] },
    old,
    current,
    {
      name: "wallet-core-exec-v1-a1b2c3",
      version: "v1",
      state: "exited",
      created: 40,
      lines: [41_000],
      labels: { service: "wallet-core" },
    },
    { name: "web-v3", version: "v3", state: "created", created: 50, lines: [] },
  );
  await using history = await startHistory(engine);
  const page = await history.ask("tail: 100");
  expect(texts(page)).toEqual([
    "v0 at 11000",
    "v0 at 12000",
    "v0 at 13000",
    "marker",
    "v1 at 21000",
    "v1 at 22000",
    "marker",
    "v2 at 29500",
    "v1 at 30500",
    "v2 at 31000",
    "v2 at 32000",
    "v2 at 33000",
  ]);
  const markers = page.lines.filter(({ kind }: any) => kind === "MARKER");
  expect(markers.map(({ container }: any) => container.name)).toEqual(["web-v1", "web-v2_replaced_0123456789abcdef"]);
  expect(page.truncated).toBe(false);
  const names = ["web-v2", "web-v2_replaced_0123456789abcdef", "web-v1", "web-v0"];
  expect(page.containers).toEqual(names.map((name) => ({ container: { name }, truncated: false, error: null })));
});

test("an ordinary tail asks each retired container once, for its page only", async () => {
  await using engine = await startEngine(oldest, old, current);
  await using history = await startHistory(engine);
  await history.ask("tail: 1");
  const before = engine.calls.length;
  const page = await history.ask("tail: 2");
  expect(texts(page)).toEqual(["v2 at 32000", "v2 at 33000"]);
  expect(page.truncated).toBe(true);
  expect(page.containers.map(({ container, truncated }: any) => [container.name, truncated])).toEqual([
    ["web-v2", true],
    ["web-v1", true],
    ["web-v0", true],
  ]);
  const calls = engine.calls.slice(before);
  const reads = calls.filter((call) => call.includes("/logs?"));
  // No list; for each of the three one inspection and one reading, the current one first.
  expect(calls).toHaveLength(6);
  expect(reads.map((call) => /containers\/(.)/.exec(call)?.[1])).toEqual(["3", "2", "1"]);
  expect(reads.map((call) => /since=([\d.]+)/.exec(call)?.[1])).toEqual([
    undefined,
    ...Array.from({ length: 2 }, () => "1768297631.000000000"),
  ]);
});

test("late lines of an old release are in a full page", async () => {
  await using engine = await startEngine(old, { ...current, lines: [30_100, 30_200, 30_300, 33_000] });
  await using history = await startHistory(engine);
  expect(texts(await history.ask("tail: 2"))).toEqual(["v1 at 30500", "v2 at 33000"]);
  const full = await history.ask("tail: 4");
  expect(texts(full)).toEqual(["v2 at 30200", "v2 at 30300", "v1 at 30500", "v2 at 33000"]);
  await using short = await startEngine({ ...old, lines: [21_000] }, current);
  await using other = await startHistory(short);
  const exact = await other.ask("tail: 3");
  expect(texts(exact)).toEqual(["v2 at 31000", "v2 at 32000", "v2 at 33000"]);
  expect(exact.truncated).toBe(true);
  expect((await other.ask(`tail: 3, since: "${at(25_000)}"`)).truncated).toBe(false);
  expect((await other.ask(`tail: 2, since: "${at(31_500)}"`)).containers).toEqual([
    { container: { name: "web-v2" }, truncated: false, error: null },
    { container: { name: "web-v1" }, truncated: false, error: null },
  ]);
});

test("retired containers obey rights and filters; failures hide nothing", async () => {
  using tokens = createTokens({
    all: { scopes: ["ops:read", "ops:logs"] },
    staging: { scopes: ["ops:read", "ops:logs"], environments: ["staging"] },
  });
  const visible = sampleContainer({ name: "web-now" });
  const retired = [
    sampleContainer({ name: "web-before", status: "exited", version: "v1", createdAt: "2026-01-12T09:40:00Z" }),
    sampleContainer({ name: "web-2-before", status: "exited", engine: "web-2", service: "other", env: null }),
    sampleContainer({ name: "web-production", status: "exited", env: "production" }),
    sampleContainer({ name: "worker-before", status: "exited", role: "worker" }),
    sampleContainer({ name: "job-beta", status: "exited", role: "job", destination: "beta" }),
    sampleContainer({ name: "job-live", status: "exited", role: "job", destination: "production" }),
    sampleContainer({ name: "side-before", status: "exited", kind: "accessory" }),
    sampleContainer({ name: "web-broken", status: "exited", createdAt: "2026-01-11T09:40:00Z" }),
  ];
  // One that stopped between the two lists is on both.
  const memory = createMemorySources({ containers: [visible], retired: [...retired, visible] });
  const source = memory.sources.containers;
  const readLogs = source.logs.bind(source);
  source.logs = async (ref, options, signal) => {
    if (ref.fullId === retired.at(-1)?.fullId) throw new OpsError("docker_error", "it is being removed");
    return readLogs(ref, options, signal);
  };
  await using gateway = await startGateway(memory.sources, { tokensFile: tokens.file });
  const ask = async (holder: "all" | "staging", args: string) => {
    const response = await fetch(`${gateway.url}/graphql`, {
      method: "POST",
      headers: { ...graphqlHeaders, authorization: `Bearer ${tokens.of(holder)}` },
      body: JSON.stringify({ query: `{ logs(${args}) { ${fields} } }` }),
    });
    const { data } = (await response.json()) as { data: { logs: any } };
    return (
      data.logs?.containers.map(({ container, error }: any) => `${container.name}${error ? ` ${error.code}` : ""}`) ??
      null
    );
  };
  const staging = ["web-now", "web-before", "web-broken docker_error"];
  // What runs says which service and destination is meant: stopped ones of others are not read.
  expect(await ask("all", 'role: "web"')).toEqual(staging);
  expect(await ask("all", 'role: "web", env: PRODUCTION')).toEqual(["web-production"]);
  expect(await ask("staging", 'role: "web"')).toEqual(staging);
  expect(await ask("all", 'role: "web", env: STAGING')).toEqual(staging);
  expect(await ask("all", 'role: "web", engine: "web-2"')).toEqual(["web-2-before"]);
  expect(await ask("all", 'role: "web", service: "other"')).toEqual(["web-2-before"]);
  expect(await ask("all", 'role: "web", service: "wallet-core-staging", includeAccessories: true')).toContain(
    "side-before",
  );
  expect(await ask("staging", 'role: "web", service: "other"')).toBeNull();
  // A role of which only retired ones are left has a history.
  expect(await ask("all", 'role: "worker"')).toEqual(["worker-before"]);
  expect(await ask("all", 'role: "job"')).toBeNull();
  expect(await ask("all", 'role: "job", destination: "beta"')).toEqual(["job-beta"]);
});
