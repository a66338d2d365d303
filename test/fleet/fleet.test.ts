import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampleContainer } from "../support/containers.ts";
import { startFleet } from "../support/fleet.ts";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { sampleHost } from "../support/hosts.ts";

const stack = new AsyncDisposableStack();
let fleet: Awaited<ReturnType<typeof startFleet>>;

beforeAll(async () => {
  const eu = createMemorySources({
    containers: [
      sampleContainer({ name: "eu-1", fullId: "a".repeat(64) }),
      sampleContainer({ name: "both", fullId: "b".repeat(64) }),
    ],
    hosts: [sampleHost({ name: "host-eu" })],
  });
  const us = createMemorySources({
    containers: [
      sampleContainer({ name: "us-1", fullId: "c".repeat(64) }),
      sampleContainer({ name: "both", fullId: "d".repeat(64) }),
    ],
    hosts: [sampleHost({ name: "host-us" })],
  });
  const urls = {
    us: stack.use(await startGateway(us.sources)).url,
    eu: stack.use(await startGateway(eu.sources)).url,
  };
  fleet = stack.use(await startFleet(urls));
});
afterAll(() => stack.disposeAsync());

const ask = async (query: string, variables?: object) => (await fleet.query(query, variables)).body;

describe("lists", () => {
  it("have the rows of all regions, in their order, each with its region", async () => {
    expect(await ask("{ containers { name region } hosts { region name } }")).toEqual({
      data: {
        containers: [
          { name: "both", region: "us" },
          { name: "us-1", region: "us" },
          { name: "both", region: "eu" },
          { name: "eu-1", region: "eu" },
        ],
        hosts: [
          { region: "us", name: "host-us" },
          { region: "eu", name: "host-eu" },
        ],
      },
    });
  });

  it("have the rows of chosen regions only, in the configured order", async () => {
    const names = async (regions: readonly string[]) =>
      (await ask("query ($regions: [String!]) { hosts(regions: $regions) { name } }", { regions })).data.hosts;
    expect(await names(["eu"])).toEqual([{ name: "host-eu" }]);
    expect(await names(["eu", "us", "eu"])).toEqual([{ name: "host-us" }, { name: "host-eu" }]);
    expect(await names([])).toEqual([]);
  });

  it("of an unknown region are refused with the known ones, beside others", async () => {
    const { data, errors } = await ask('{ a: hosts(regions: ["mars"]) { name } b: hosts { name } }');
    expect(data).toEqual({ a: null, b: [{ name: "host-us" }, { name: "host-eu" }] });
    expect(errors).toMatchObject([
      {
        message: 'No region is called "mars": the regions are us, eu',
        path: ["a"],
        extensions: { code: "invalid_request", status: 400 },
      },
    ]);
  });
});

it("what a gateway has one of is a list with one for each region", async () => {
  const tag = "deploy-20260110-130322-prod";
  const { data } = await ask("{ server { region services } deploys(first: 1) { region nodes { tag } } }");
  expect(data).toEqual({
    server: [
      { region: "us", services: ["wallet-core"] },
      { region: "eu", services: ["wallet-core"] },
    ],
    deploys: [
      { region: "us", nodes: [{ tag }] },
      { region: "eu", nodes: [{ tag }] },
    ],
  });
});

it("things of a region have their edges, and roles are found by their ids", async () => {
  const { data } = await ask(
    '{ roles(regions: ["eu"]) { id region containers { name problems { kind } timeline(first: 1) { kind } } } }',
  );
  const [{ id, ...role }] = data.roles;
  const nothing = { problems: [], timeline: [] };
  expect(role).toEqual({ region: "eu", containers: ["both", "eu-1"].map((name) => ({ name, ...nothing })) });
  expect(id).toMatch(/^eu\./);
  const node = await ask(
    `{ node(id: "${id}") { ... on Role { region containerCount series(${series}) { container } } } }`,
  );
  expect(node).toEqual({ data: { node: { region: "eu", containerCount: 2, series: expect.any(Array) } } });
});

const series = 'kind: CPU_PCT, from: "2026-01-01T00:00:00Z", to: "2026-01-01T01:00:00Z"';

describe("one by its name", () => {
  it("is found in the region that has it", async () => {
    const query = '{ container(name: "eu-1") { name region } host(name: "host-us") { region } }';
    expect(await ask(query)).toEqual({ data: { container: { name: "eu-1", region: "eu" }, host: { region: "us" } } });
  });

  it("is ambiguous where several regions have it, until one is chosen", async () => {
    const { data, errors } = await ask(
      '{ all: container(name: "both") { region } eu: container(name: "both", region: "eu") { region } }',
    );
    expect(data).toEqual({ all: null, eu: { region: "eu" } });
    expect(errors).toMatchObject([
      {
        message: "Several regions have one: us, eu; choose one by region",
        path: ["all"],
        extensions: { code: "region_ambiguous", status: 409 },
      },
    ]);
  });

  it("that no region has is one error", async () => {
    const { data, errors } = await ask('{ container(name: "nowhere") { name } host(name: "nowhere") { name } }');
    expect(data).toEqual({ container: null, host: null });
    expect(errors).toMatchObject([{ path: ["container"], extensions: { code: "container_not_found", status: 404 } }]);
    expect(errors).toHaveLength(1);
  });
});

describe("global ids", () => {
  it("lead to the object in its region", async () => {
    const { data } = await ask("{ containers { id name region } }");
    for (const { id, name, region } of data.containers) {
      const found = await ask("query ($id: ID!) { node(id: $id) { id region ... on Container { name } } }", { id });
      expect(found).toEqual({ data: { node: { id, name, region } } });
    }
    expect(new Set(data.containers.map((one: { id: string }) => one.id)).size).toBe(4);
  });

  it.each(["nonsense", "mars.Q29udGFpbmVyOmE", ""])("of no region are refused: %j", async (id) => {
    const { data, errors } = await ask("query ($id: ID!) { node(id: $id) { id } }", { id });
    expect(data).toEqual({ node: null });
    expect(errors).toMatchObject([
      { message: "id is not an id of this fleet", path: ["node"], extensions: { code: "invalid_request" } },
    ]);
  });
});

it("aliases, fragments, directives and __typename work as in a gateway", async () => {
  const query = `query ($no: Boolean!, $yes: Boolean!, $eu: [String!]) {
    __typename
    ...Root
    ... @skip(if: $yes) { hosts { name } }
    engines @include(if: $no) { name }
    only: hosts(regions: $eu) { __typename r: region @include(if: $yes) name @include(if: $no) ... on Host { n: name } }
  }
  fragment Root on Query { region: containers(regions: $eu) { ...Row } region: containers(regions: $eu) { region } }
  fragment Row on Container { where: region name @skip(if: $yes) }`;
  expect(await ask(query, { no: false, yes: true, eu: ["eu"] })).toEqual({
    data: {
      __typename: "Query",
      region: [
        { where: "eu", region: "eu" },
        { where: "eu", region: "eu" },
      ],
      only: [{ __typename: "Host", r: "eu", n: "host-eu" }],
    },
  });
});

it("what the fleet adds collides with no alias, and costs no alias", async () => {
  const hosts = Array.from({ length: 15 }, (_, index) => `a${index}: hosts(regions: ["us"]) { name }`).join(" ");
  const versions = [{ version: "0.3.0+sources" }, { version: "0.3.0+sources" }];
  const many = await ask(`{ ${hosts} regions { version } }`);
  expect([many.errors, many.data.regions]).toEqual([undefined, versions]);
  const same = await ask("{ server: hosts { name } fleetVersion: hosts { name } regions { version } }");
  expect([same.errors, same.data.regions]).toEqual([undefined, versions]);
  const [{ id }] = (await ask("{ containers { id } }")).data.containers;
  expect(await ask("query ($id: ID!) { node(id: $id) { __typename: id } }", { id })).toEqual({
    data: { node: { __typename: id } },
  });
});

it("introspection is answered by the fleet itself", async () => {
  const { data } = await ask('{ type: __type(name: "Host") { fields { name } } }');
  expect(data.type.fields.map(({ name }: { name: string }) => name)).toEqual(
    expect.arrayContaining(["name", "region"]),
  );
});

it("GraphiQL and health pages need no token", async () => {
  const page = await fleet.fetch("/graphql", { headers: { accept: "text/html" } });
  expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  expect((await fleet.fetch("/readyz")).status).toBe(200);
});
