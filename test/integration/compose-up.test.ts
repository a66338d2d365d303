import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { type Dockerd, startDockerd } from "../../script/services/dockerd.ts";
import { type ComposeProject, makeComposeProject, readHealth, readImages } from "../support/compose-project.ts";
import { buildStandIns } from "../support/compose-stand-ins.ts";

/**
 * docker-compose.yml with the profiles grafana and alerts, on an engine of its own: all but
 * PostgreSQL, whose image cannot be had (see compose-role.test.ts).
 */
const folder = mkdtempSync(join(inject("runFolder"), "compose-"));
const project = join(folder, "project");
mkdirSync(project);
const services = ["gateway", "prometheus", "alertmanager", "node-exporter", "grafana"];
let dockerd: Dockerd;
let compose: ComposeProject["compose"];

async function askGrafana<T>(path: string, body = {}): Promise<T> {
  const wget = ["wget", "-q", "-O", "-", "--post-data", JSON.stringify(body), `http://127.0.0.1:3000${path}`];
  return JSON.parse(compose("exec", "-T", "grafana", ...wget)) as T;
}

const send = (request: { url: string; method?: string; headers?: object; body?: string }) =>
  askGrafana<{ status: number; body: string }>("/send", request);

interface Datasource {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The datasources as Grafana would have them. */
async function readDatasources(): Promise<Record<string, Datasource>> {
  const yaml = await askGrafana<string>("/datasources");
  const value = (block: string, key: string) => new RegExp(`^ +${key}: "?([^"\n]+)"?$`, "m").exec(block)?.[1];
  const blocks = yaml.split(/^ {2}- name: /m).slice(1);
  return Object.fromEntries(
    blocks.map((block) => {
      const bearer = value(block, "bearerToken");
      const header = value(block, "httpHeaderName1");
      const headers = {
        ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
        ...(header !== undefined && { [header.toLowerCase()]: value(block, "httpHeaderValue1") ?? "" }),
      };
      return [value(block, "uid") ?? "", { url: value(block, "url") ?? "", headers }];
    }),
  );
}

beforeAll(async () => {
  dockerd = await startDockerd(join(folder, "docker"), { ownNetwork: true });
  const { socketPath } = dockerd;
  const composed = await makeComposeProject(project, socketPath, {
    name: "ops-compose-up",
    files: ["docker-compose.yml"],
    profiles: ["grafana", "alerts"],
    // The root of a container or of a small machine cannot be mounted with propagation.
    here: 'services: { node-exporter: { volumes: ["/:/host:ro"] } }\n',
    environment: { ALERT_TO: "webhook:http://127.0.0.1:9/alerts" },
  });
  ({ compose } = composed);
  buildStandIns(socketPath, readImages(composed));
  compose("up", "--build", "--wait", "--detach", ...services);
}, 180_000);

afterAll(async () => {
  await dockerd?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it("compose starts all services healthy", () => {
  expect(readHealth({ compose })).toEqual(services.map((name) => `${name} healthy`).toSorted());
});

it("Grafana's user can read what is provisioned and write its state", async () => {
  const files = await askGrafana<readonly string[]>("/files");
  expect(files.filter((file) => file.startsWith("/etc/grafana/dashboards/"))).toHaveLength(4);
  expect(files).toContain("/etc/grafana/provisioning/alerting/ops.json");
  expect(files).toContain("/etc/grafana/provisioning/alerting/contact-points.yml");
});

it("provisioned datasources answer with the token from its file", async () => {
  const { "ops-infinity": infinity, "ops-json": json, prometheus } = await readDatasources();
  const query = (headers: object) =>
    send({
      url: `${infinity?.url}/graphql`,
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({
        query: "{ containers(includeAccessories: true) { name } deploys(first: 1) { nodes { tag } } }",
      }),
    });
  expect(infinity?.headers).toMatchObject({ "x-ops-strict": "1" });
  expect(await query(infinity?.headers ?? {})).toMatchObject({
    status: 200,
    body: expect.stringContaining('"containers":['),
  });
  expect((await query({})).status).toBe(401);
  const health = { url: `${infinity?.url}/graphql?query={__typename}`, headers: infinity?.headers ?? {} };
  expect(await send(health)).toEqual({ status: 200, body: '{"data":{"__typename":"Query"}}' });
  expect(await send({ url: json?.url ?? "", headers: json?.headers ?? {} })).toMatchObject({ status: 200 });
  expect((await send({ url: `${prometheus?.url}/api/v1/query?query=up` })).status).toBe(200);
});

it("Prometheus sends its alerts to Alertmanager, which has the receiver", async () => {
  const { prometheus } = await readDatasources();
  const { body } = await send({ url: `${prometheus?.url}/api/v1/alertmanagers` });
  expect(JSON.parse(body)).toMatchObject({
    data: { activeAlertmanagers: [{ url: "http://alertmanager:9093/api/v2/alerts" }], droppedAlertmanagers: [] },
  });
  // Grafana is in the network of the Alertmanager as well.
  const status = await send({ url: "http://alertmanager:9093/api/v2/status" });
  const { config } = JSON.parse(status.body) as { config: { original: string } };
  expect(config.original).toContain("url_file: /run/secrets/alert_url");
});

it("Grafana cannot reach the database's network", async () => {
  await expect(send({ url: "http://node-exporter:9100/" })).rejects.toThrow("500");
});

it("Prometheus scrapes gateway and node-exporter with the shipped rules", async () => {
  const { "ops-infinity": infinity, prometheus } = await readDatasources();
  const ask = async (path: string) => JSON.parse((await send({ url: `${prometheus?.url}${path}` })).body) as unknown;
  const rules = (await ask("/api/v1/rules")) as { data: { groups: readonly { rules: readonly object[] }[] } };
  expect(rules.data.groups.flatMap((group) => group.rules).length).toBeGreaterThan(18);
  const readUp = async () => {
    const { data } = (await ask("/api/v1/query?query=up")) as {
      data: { result: readonly { metric: { job: string }; value: unknown[] }[] };
    };
    return Object.fromEntries(data.result.map(({ metric, value }) => [metric.job, value[1]]));
  };
  // Both are scraped every 15 s; the one may have been tried before the other was there.
  const all = { node: "1", "wallet-core-ops": "1" };
  await expect.poll(readUp, { timeout: 40_000, interval: 500 }).toEqual(all);
  const hosts = await send({
    url: `${infinity?.url}/graphql`,
    method: "POST",
    headers: { "content-type": "application/json", ...infinity?.headers },
    body: JSON.stringify({ query: "{ hosts { name status cpuUtil } }" }),
  });
  expect(JSON.parse(hosts.body)).toMatchObject({ data: { hosts: [{ name: expect.any(String), status: "UP" }] } });
}, 60_000);
