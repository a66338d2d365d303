import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toEntry, toTimelineContainer } from "../../../src/timeline/timeline.ts";
import { sampleContainer, sampleEvent } from "../../support/containers.ts";
import { startGateway } from "../../support/gateway.ts";
import { createMemorySources } from "../../support/memory-sources.ts";
import { subscribe } from "../../support/subscribe.ts";
import { createTokens } from "../../support/tokens.ts";

const scopes = ["ops:read", "ops:logs", "ops:operate"] as const;
const tokens = createTokens({ full: { scopes }, staging: { scopes, environments: ["staging"] } });
type Holder = Parameters<typeof tokens.of>[0];

const web = sampleContainer({ name: "web", destination: "beta" });
/** Belongs to another product, though its label says staging. */
const shop = sampleContainer({ name: "canary-shop", kind: "other", role: "shop" });
/** Does not name its environment, beside apps that are all staging. */
const redis = sampleContainer({
  name: "canary-redis",
  kind: "accessory",
  role: "redis",
  env: null,
  inferredEnv: "staging",
});
const old = sampleContainer({ name: "canary-old", kind: "other", role: "shop", status: "exited" });
const memory = createMemorySources({ containers: [web, shop, redis], retired: [old] }, { restartEnabled: true });
let gateway: Awaited<ReturnType<typeof startGateway>>;

beforeAll(async () => {
  gateway = await startGateway(memory.sources, { tokensFile: tokens.file });
  // A timeline ends at the last whole second.
  const time = new Date(Date.now() - 2000).toISOString();
  for (const { name, env, ...container } of [web, shop, redis]) {
    memory.sources.timeline.add(
      toEntry({
        kind: "container_death",
        time,
        message: `${name} ended`,
        env,
        container: toTimelineContainer({ ...container, name, env }),
      }),
    );
  }
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  tokens[Symbol.dispose]();
});

async function get(holder: Holder, path: string, method = "GET") {
  const headers = { authorization: `Bearer ${tokens.of(holder)}` };
  const response = await gateway.fetch(`/api/v1/admin/ops${path}`, { method, headers });
  return { status: response.status, text: await response.text() };
}

async function ask(holder: Holder, query: string): Promise<string> {
  const headers = { authorization: `Bearer ${tokens.of(holder)}`, "content-type": "application/json" };
  return (await gateway.fetch("/graphql", { method: "POST", headers, body: JSON.stringify({ query }) })).text();
}

const range = `from: "${new Date(Date.now() - 600_000).toISOString()}", to: "${new Date().toISOString()}"`;

describe.each([["canary-shop"], ["canary-redis"]])("%s, for a token of staging", (name) => {
  it.each([
    `/containers?include_accessories=true`,
    `/containers?include_accessories=true&env=staging`,
    `/containers?include_accessories=true&include_stats=true`,
  ])("is not in GET %s", async (path) => {
    expect((await get("full", path)).text).toContain(name);
    expect((await get("staging", path)).text).not.toContain(name);
  });

  it.each(["", "/logs", "/health-check"])("is not found by its name: GET /containers/:name%s", async (part) => {
    const path = `/containers/${name}${part}?include_accessories=true`;
    expect((await get("full", path)).status).toBe(200);
    expect(await get("staging", path)).toMatchObject({
      status: 404,
      text: expect.stringContaining("container_not_found"),
    });
  });

  it("is not restarted, and another's restart of it is hidden", async () => {
    const path = `/containers/${name}/restart?include_accessories=true`;
    expect(await get("staging", path, "POST")).toMatchObject({ status: 404 });
    expect(memory.audited).not.toContainEqual(expect.objectContaining({ containerName: name }));
    expect((await get("full", path, "POST")).status).toBe(200);
    for (const query of [
      "{ auditLog(first: 50) { nodes { containerName } } }",
      '{ timeline(from: "2026-01-01", kinds: [RESTART]) { nodes { message } } }',
    ]) {
      expect(await ask("full", query)).toContain(name);
      expect(await ask("staging", query)).not.toContain(name);
    }
  });

  it.each([
    `{ containers(includeAccessories: true) { name } }`,
    `{ timeline(kinds: [CONTAINER_DEATH]) { nodes { message } } }`,
    `{ containerCpuPct(${range}, includeAccessories: true) { container } }`,
    `{ logs(role: "${name.replace("canary-", "")}", includeAccessories: true) ` +
      "{ lines { message container { name } } } }",
  ])("is not in %s", async (query) => {
    expect(await ask("full", query)).toContain(name);
    expect(await ask("staging", query)).not.toContain(name);
  });

  it.each([
    ["containers", `subscription { containers(includeAccessories: true) { changed { name } } }`],
    ["containerEvents", `subscription { containerEvents(includeAccessories: true) { events { name } } }`],
  ])("is not in the subscription %s", async (field, query) => {
    const [full, limited] = [
      subscribe(gateway.url, tokens.of("full"), query),
      subscribe(gateway.url, tokens.of("staging"), query),
    ];
    const readers = () => (field === "containers" ? memory.changes.watchers : memory.board.readers);
    await expect.poll(readers, { timeout: 5000 }).toBe(2);
    // A timeline ends at the last whole second.
    const time = new Date(Date.now() - 2000).toISOString();
    for (const container of [shop, redis, web]) memory.board.onEvent(sampleEvent({ time, container }));
    const seen = (by: typeof full) => JSON.stringify(by.of(field));
    await expect.poll(() => seen(full), { timeout: 5000 }).toContain(name);
    await expect.poll(() => seen(limited), { timeout: 5000 }).toContain('"web"');
    expect(seen(limited)).not.toContain("canary");
    await Promise.all([full.leave(), limited.leave()]);
  });
});

describe("another product's container, for a token of every environment", () => {
  it("has the kind `other`, and is listed only with accessories", async () => {
    expect(await ask("full", `{ containers { name } }`)).not.toContain("canary");
    const { data } = JSON.parse(
      await ask("full", `{ containers(includeAccessories: true) { name kind env destination } }`),
    );
    expect(data.containers).toEqual([
      { name: "web", kind: "CORE", env: "STAGING", destination: "beta" },
      { name: "canary-redis", kind: "ACCESSORY", env: null, destination: null },
      { name: "canary-shop", kind: "OTHER", env: "STAGING", destination: null },
    ]);
    expect((await get("full", "/containers/canary-shop")).status).toBe(404);
  });

  it("is not listed under the other environment by a guess", async () => {
    expect((await get("full", "/containers?env=production&include_accessories=true")).text).toBe("[]");
  });
});

describe("the destination of a container", () => {
  it("is a REST field, a /metrics label, and a filter of series and events", async () => {
    expect(JSON.parse((await get("full", "/containers")).text)).toMatchObject([{ name: "web", destination: "beta" }]);
    const metrics = await gateway.fetch("/metrics", { headers: { authorization: `Bearer ${tokens.of("full")}` } });
    const lines = (await metrics.text()).split("\n").filter((line) => line.startsWith("ops_container_up{"));
    expect(lines.find((line) => line.includes('name="web"'))).toContain('destination="beta"');
    expect(lines.find((line) => line.includes('name="canary-redis"'))).not.toMatch(/destination=|env=/);
    const series = (wanted: string) =>
      ask(
        "full",
        `{ containerCpuPct(${range}, includeAccessories: true, destinations: ["${wanted}"]) ` +
          "{ container destination } }",
      );
    expect(await series("beta")).toMatch(/"container":"web","destination":"beta"/);
    expect(await series("beta")).not.toContain("canary");
    expect(await series("")).toContain("canary-redis");
    expect(await series("")).not.toContain('"web"');
  });
});
