import { afterAll, beforeAll, expect, test } from "vitest";
import { OpsError } from "../../src/lib/errors.ts";
import { sampleContainer } from "../support/containers.ts";
import { readEvents } from "../support/events.ts";
import { graphqlHeaders, startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { subscribe } from "../support/subscribe.ts";
import { createTokens } from "../support/tokens.ts";

const tokens = createTokens({
  all: { scopes: ["ops:read", "ops:logs"] },
  staging: { scopes: ["ops:read", "ops:logs"], environments: ["staging"] },
  deaf: { scopes: ["ops:read", "ops:logs"] },
  reader: { scopes: ["ops:read"] },
});
type Holder = Parameters<typeof tokens.of>[0];
const staging = sampleContainer({ name: "web-staging" });
const production = sampleContainer({ name: "web-production", env: "production", service: "wallet-core-production" });
const nowhere = sampleContainer({ name: "web-nowhere", env: null, service: null });
const broken = sampleContainer({ name: "worker-broken", role: "worker", version: "v1" });
const worker = sampleContainer({ name: "worker-2", role: "worker", engine: "web-2" });
const redis = sampleContainer({ name: "redis", role: "redis", kind: "accessory" });
const runner = sampleContainer({ name: "runner-production", role: "runner", env: "production" });
const all = [staging, production, nowhere, broken, worker, redis, runner];
const engines = [
  { name: "local", ok: true, error: null },
  { name: "web-2", ok: true, error: null },
  { name: "web-3", ok: false, error: { code: "docker_timeout", message: "no answer" } },
];
const memory = createMemorySources({ containers: all, engines });
const source = memory.sources.containers;
const readLogs = source.logs.bind(source);
source.logs = async (ref, options, signal) => {
  if (ref.fullId === broken.fullId) throw new OpsError("docker_error", "its logging driver keeps no logs");
  return readLogs(ref, options, signal);
};

let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  gateway = await startGateway(memory.sources, { tokensFile: tokens.file, limits: { recheckMs: 100 } });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  tokens[Symbol.dispose]();
});

const send = (holder: Holder, query: string, accept = "application/json") =>
  fetch(`${gateway.url}/graphql`, {
    method: "POST",
    headers: { ...graphqlHeaders, authorization: `Bearer ${tokens.of(holder)}`, accept },
    body: JSON.stringify({ query }),
  });
const fields = `lines { kind message container { name engine version env } } truncated
  containers { container { name } truncated error { code } } engines { name error { code } }`;
const ask = async (holder: Holder, args: string) =>
  (await (await send(holder, `{ logs(${args}) { ${fields} } }`)).json()) as { data: { logs: any }; errors?: any[] };
const namesOf = ({ data }: { data: { logs: any } }) => new Set(data.logs.lines.map((line: any) => line.container.name));

const beta = ["1", "2"].map((replica) =>
  sampleContainer({ name: `job-beta-${replica}`, role: "job", service: "wallet-core", destination: "beta", env: null }),
);
const live = sampleContainer({
  name: "job-live",
  role: "job",
  service: "wallet-core",
  destination: "production",
  env: "production",
});

test("a role is one of a service and destination, over visible engines", async () => {
  const limited = await ask("staging", 'role: "web"');
  expect(namesOf(limited)).toEqual(new Set(["web-staging"]));
  expect(JSON.stringify(limited)).not.toMatch(/production|nowhere/);
  expect(namesOf(await ask("all", 'role: "web", env: PRODUCTION'))).toEqual(new Set(["web-production"]));
  expect(namesOf(await ask("all", 'role: "web", service: "wallet-core-staging"'))).toEqual(new Set(["web-staging"]));
  expect(namesOf(await ask("all", 'role: "worker", engine: "web-2"'))).toEqual(new Set(["worker-2"]));
  expect(namesOf(await ask("all", 'role: "redis", includeAccessories: true'))).toEqual(new Set(["redis"]));
});

test("an ambiguous role is refused until a service is chosen", async () => {
  const refused = await ask("all", 'role: "web"');
  expect(refused.errors?.[0].extensions.code).toBe("role_ambiguous");
  expect(refused.errors?.[0].message).toMatch(
    /^3 services .*: unknown service \(.*, wallet-core-production \(.*, wallet-core-staging \(staging\)$/,
  );
  memory.setContainers([...all, ...beta, live]);
  try {
    const choices = "wallet-core -d beta (unknown environment), wallet-core -d production (production)";
    expect((await ask("all", 'role: "job"')).errors?.[0].message).toContain(choices);
    const opened = await send("all", 'subscription { logs(role: "job") { ended } }', "text/event-stream");
    expect(await opened.text()).toContain(choices);
    expect(namesOf(await ask("all", 'role: "job", destination: "beta"'))).toEqual(
      new Set(beta.map(({ name }) => name)),
    );
    expect(namesOf(await ask("all", 'role: "job", env: PRODUCTION'))).toEqual(new Set(["job-live"]));
    expect((await ask("all", 'role: "job", destination: "", engine: "local"')).errors?.[0].extensions.code).toBe(
      "container_not_found",
    );
  } finally {
    memory.setContainers(all);
  }
});

test("a subscription ignores new containers of another destination", async () => {
  memory.setContainers([...all, live]);
  const query = 'subscription { logs(role: "job", tail: 5) { lines { container { name destination } } } }';
  const followed = subscribe(gateway.url, tokens.of("all"), query);
  const names = () => [
    ...new Set(followed.of("logs").flatMap(({ lines }) => lines.map(({ container }: any) => container.name))),
  ];
  await expect.poll(names).toEqual(["job-live"]);
  memory.setContainers([
    ...all,
    ...beta,
    live,
    sampleContainer({ ...live, name: "job-live-2", fullId: "2".repeat(64) }),
  ]);
  await expect.poll(names, { timeout: 5000 }).toEqual(["job-live", "job-live-2"]);
  expect(followed.messages.at(-1).data.logs.lines.at(-1).container.destination).toBe("production");
  await followed.leave();
  memory.setContainers(all);
});

test("each line names its container; omissions are reported", async () => {
  memory.setContainers([...all, sampleContainer({ name: "web-another" })]);
  const { data } = await ask("all", 'role: "web", env: STAGING, tail: 1');
  memory.setContainers(all);
  expect(data.logs.truncated).toBe(true);
  expect(data.logs.containers).toContainEqual({ container: { name: "web-staging" }, truncated: false, error: null });
  expect(data.logs.lines).toEqual([
    {
      kind: "LINE",
      message: `from ${staging.fullId}`,
      container: { name: "web-staging", engine: "local", version: staging.version, env: "STAGING" },
    },
  ]);
});

test("an unreadable container or engine is named; all failing is an error", async () => {
  const { data, errors } = await ask("all", 'role: "worker"');
  expect(errors).toBeUndefined();
  expect(namesOf({ data })).toEqual(new Set(["worker-2"]));
  expect(data.logs.containers.map((part: any) => [part.container.name, part.error?.code ?? null])).toEqual([
    ["worker-2", null],
    ["worker-broken", "docker_error"],
  ]);
  expect(data.logs.engines).toContainEqual({ name: "web-3", error: { code: "docker_timeout" } });
  const alone = await ask("all", 'role: "worker", engine: "local"');
  expect(alone.data.logs).toBeNull();
  expect(alone.errors?.[0].extensions.code).toBe("docker_error");
});

test.each([
  ["reader", 'role: "web"', "forbidden"],
  ["staging", 'role: "web", env: PRODUCTION', "forbidden"],
  ["all", 'role: ""', "invalid_request"],
  ["all", 'role: "web", tail: 5001', "invalid_request"],
  ["all", 'role: "web", searchRegex: "("', "invalid_request"],
  ["all", 'role: "nothing", engine: "local"', "container_not_found"],
  ["all", 'role: "redis", engine: "local"', "container_not_found"],
  // An engine that does not answer may run some.
  ["all", 'role: "nothing"', "docker_timeout"],
] as const)("%s, %s: %s, as a query and as a subscription", async (holder, args, code) => {
  expect((await ask(holder, args)).errors?.[0].extensions.code).toBe(code);
  const opened = await send(holder, `subscription { logs(${args}) { ended } }`, "text/event-stream");
  expect(await opened.text()).toContain(`"code":"${code}"`);
});

test("a role of another environment does not exist for the token", async () => {
  expect(namesOf(await ask("all", 'role: "runner", engine: "local"'))).toEqual(new Set(["runner-production"]));
  const [hidden, absent] = [
    await ask("staging", 'role: "runner", engine: "local"'),
    await ask("staging", 'role: "no", engine: "local"'),
  ];
  expect(hidden).toEqual(absent);
  expect(hidden.errors?.[0].extensions.code).toBe("container_not_found");
});

test("a subscription follows new containers until the environment is lost", async () => {
  const query = `subscription { logs(role: "web", env: STAGING, tail: 5) { lines { kind message container { name } } notices { notice container { name } } ended } }`;
  const response = await send("all", query, "text/event-stream");
  const batches: any[] = [];
  const reading = (async () => {
    for await (const { event, data } of readEvents(response)) if (event === "next") batches.push(data.data.logs);
  })();
  const lines = () =>
    batches.flatMap((batch) => batch.lines.map(({ kind, container }: any) => `${kind} ${container.name}`));
  await expect.poll(lines).toEqual(["LINE web-staging", "LINE web-staging"]);
  memory.setContainers([
    ...all,
    sampleContainer({ name: "web-staging-2", version: "v2" }),
    sampleContainer({ name: "web-production-2", env: "production", version: "v2" }),
  ]);
  await expect
    .poll(lines, { timeout: 5000 })
    .toEqual([
      "LINE web-staging",
      "LINE web-staging",
      "MARKER web-staging-2",
      "LINE web-staging-2",
      "LINE web-staging-2",
    ]);
  expect(batches.flatMap(({ notices }) => notices)).toEqual([
    { notice: "JOINED", container: { name: "web-staging-2" } },
  ]);
  tokens.change("all", { environments: ["production"] });
  await reading;
  expect(batches.at(-1).ended).toBe("forbidden");
});

test("a subscription ends when the token loses only ops:logs", async () => {
  const followed = subscribe(
    gateway.url,
    tokens.of("deaf"),
    'subscription { logs(role: "worker") { lines { message } ended } }',
  );
  await expect.poll(() => followed.messages.length, { timeout: 5000 }).toBeGreaterThan(0);
  tokens.change("deaf", { scopes: ["ops:read"] });
  await followed.done;
  expect(followed.of("logs").at(-1)?.ended).toBe("forbidden");
});
