import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LogLine, LogOptions } from "../../src/containers/logs/log.ts";
import { replica } from "../support/containers.ts";
import { startGateway } from "../support/gateway.ts";
import { readPage } from "../support/log-pages.ts";
import { at, line } from "../support/logs.ts";
import { createMemorySources } from "../support/memory-sources.ts";

const containers = [
  replica("web-a", "v2", 100),
  replica("web-b", "v2", 100),
  { ...replica("redis", "7", 0), kind: "accessory" as const, role: "redis" },
];
const retired = [{ ...replica("web-old", "v1", 0), status: "exited", finishedAt: at(105_000) }];
const every = (step: number, begin: number, end: number, name: string): LogLine[] =>
  Array.from({ length: (end - begin) / step }, (_, n) =>
    line((begin + n * step) * 1000, `${name} ${begin + n * step}`),
  );
const logs = new Map<string, readonly LogLine[]>([
  ["web-old", every(10, 10, 110, "old")],
  // Two replicas that write at the same times.
  ["web-a", every(10, 110, 210, "a")],
  ["web-b", every(10, 110, 210, "b")],
  ["redis", every(1, 0, 3, "redis")],
]);
const asked: [name: string, options: LogOptions][] = [];

const memory = createMemorySources({ containers, retired });
const nameOf = new Map([...containers, ...retired].map(({ fullId, name }) => [fullId, name]));
memory.sources.containers.logs = async ({ fullId }, options) => {
  const name = nameOf.get(fullId) ?? "";
  asked.push([name, options]);
  return readPage(logs.get(name) ?? [], options);
};
let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => void (gateway = await startGateway(memory.sources)));
afterAll(async () => gateway[Symbol.asyncDispose]());

const pageFields = "truncated atIndex hasOlder hasNewer startCursor endCursor";
async function askRole(args: string) {
  const { data, errors } = (
    await gateway.query(
      `{ logs(${args}) { lines { kind message } containers { container { name } truncated } ${pageFields} } }`,
    )
  ).body;
  const page = data.logs;
  return {
    ...page,
    error: errors?.[0],
    texts: page?.lines.map(({ kind, message }: any) => (kind === "MARKER" ? "marker" : message)),
  };
}
async function askOne(name: string, args: string) {
  const { data, errors } = (
    await gateway.query(`{ container(name: "${name}") { logs(${args}) { lines { message } ${pageFields} } } }`)
  ).body;
  const page = data.container?.logs;
  return { ...page, error: errors?.[0], texts: page?.lines.map(({ message }: any) => message) };
}

describe("the log of one container", () => {
  it("around a time has half of its lines on each side", async () => {
    const page = await askOne("web-a", `tail: 5, at: "${at(150_000)}"`);
    expect(page).toMatchObject({
      texts: ["a 130", "a 140", "a 150", "a 160", "a 170"],
      atIndex: 2,
      hasOlder: true,
      hasNewer: true,
      truncated: true,
    });
    expect(await askOne("web-a", `tail: 4, at: "${at(900_000)}"`)).toMatchObject({
      texts: ["a 190", "a 200"],
      atIndex: 2,
      hasNewer: false,
    });
    expect(await askOne("web-a", `tail: 4, at: "1970-01-01T00:00:00Z"`)).toMatchObject({
      texts: ["a 110", "a 120"],
      atIndex: 0,
      hasOlder: false,
    });
  });

  it("continues from its cursors in both directions, with the same filter", async () => {
    const page = await askOne("web-a", `tail: 2, search: "0", at: "${at(155_000)}"`);
    const older = await askOne("web-a", `tail: 3, search: "0", before: "${page.startCursor}"`);
    const newer = await askOne("web-a", `tail: 9, search: "0", after: "${page.endCursor}"`);
    expect([...older.texts, ...page.texts, ...newer.texts]).toEqual(
      [120, 130, 140, 150, 160, 170, 180, 190, 200].map((n) => `a ${n}`),
    );
    expect([older.atIndex, older.hasOlder, older.hasNewer, newer.hasOlder, newer.hasNewer]).toEqual([
      null,
      true,
      true,
      true,
      false,
    ]);
    const back = await askOne("web-a", `tail: 1, before: "${newer.startCursor}"`);
    expect(back.texts).toEqual([page.texts.at(-1)]);
  });

  it("of the newest lines has cursors too, and an empty page none", async () => {
    const page = await askOne("web-a", "tail: 2");
    expect(page).toMatchObject({ texts: ["a 190", "a 200"], atIndex: null, hasOlder: true, hasNewer: false });
    expect((await askOne("web-a", `tail: 1, before: "${page.startCursor}"`)).texts).toEqual(["a 180"]);
    expect(await askOne("web-a", `tail: 1, search: "none"`)).toMatchObject({ startCursor: null, endCursor: null });
  });

  it("refuses what excludes each other, and cursors of others", async () => {
    const { startCursor } = await askOne("web-a", "tail: 2");
    const messages = [
      await askOne("web-a", `at: "1h", since: "2h"`),
      await askOne("web-b", `before: "${startCursor}"`),
      await askRole(`role: "web", before: "${startCursor}"`),
    ].map(({ error }) => [error.extensions.code, error.message]);
    expect(messages).toEqual([
      ["invalid_request", "at cannot be combined with since"],
      ["invalid_request", "before is not a cursor of this log"],
      ["invalid_request", "before is not a cursor of RoleLogPage"],
    ]);
  });
});

describe("the log of a role", () => {
  const whole = [
    ...every(10, 10, 110, "old").map(({ message }) => message),
    ...Array.from({ length: 10 }, (_, n) => [`a ${110 + n * 10}`, `b ${110 + n * 10}`]).flat(),
  ];

  it("around a time reaches over a release, which a marker begins", async () => {
    const page = await askRole(`role: "web", tail: 4, at: "${at(100_000)}"`);
    expect(page).toMatchObject({
      texts: ["old 80", "old 90", "marker", "old 100", "a 110"],
      atIndex: 2,
      hasOlder: true,
      hasNewer: true,
    });
  });

  it("continues from its cursors in both directions, each line once", async () => {
    let page = await askRole(`role: "web", tail: 3, at: "${at(115_000)}"`);
    const lines = (one: any) => one.texts.filter((text: string) => text !== "marker");
    const walked = lines(page);
    const { endCursor } = page;
    while (page.hasOlder) {
      page = await askRole(`role: "web", tail: 3, before: "${page.startCursor}"`);
      walked.unshift(...lines(page));
    }
    page = { endCursor, hasNewer: true };
    while (page.hasNewer) {
      page = await askRole(`role: "web", tail: 3, after: "${page.endCursor}"`);
      walked.push(...lines(page));
    }
    expect(walked).toEqual(whole);
    const newest = await askRole(`role: "web", tail: 3`);
    const before = await askRole(`role: "web", tail: 3, before: "${newest.startCursor}"`);
    expect([...before.texts, ...newest.texts]).toEqual(whole.slice(-6));
  });

  it("asks no container that did not exist yet, or had ended", async () => {
    const { startCursor } = await askRole(`role: "web", tail: 2, at: "${at(50_000)}"`);
    asked.length = 0;
    await askRole(`role: "web", tail: 2, before: "${startCursor}"`);
    expect(asked.map(([name]) => name)).toEqual(["web-old"]);
    const { endCursor } = await askRole(`role: "web", tail: 2, at: "${at(180_000)}"`);
    asked.length = 0;
    await askRole(`role: "web", tail: 2, after: "${endCursor}"`);
    expect(asked.map(([name]) => name)).toEqual(["web-a", "web-b"]);
  });
});

const accessory = "it is an accessory; include_accessories=true (in GraphQL includeAccessories: true) finds it";

describe("the logs of containers by name", () => {
  it("are of one, also a retired one, or of several", async () => {
    expect((await askRole(`name: "web-old", tail: 2`)).texts).toEqual(["old 90", "old 100"]);
    expect((await askRole(`names: ["web-old", "web-b"], tail: 4, at: "${at(110_000)}"`)).texts).toEqual([
      "old 90",
      "marker",
      "old 100",
      "b 110",
      "b 120",
    ]);
    expect((await askRole(`names: "redis", includeAccessories: true, tail: 1`)).texts).toEqual(["redis 2"]);
    expect((await askRole(`name: "web-a", engine: "local", tail: 1`)).texts).toEqual(["a 200"]);
  });

  it.each([
    [`name: "redis"`, "container_not_found", `No such container: ${accessory}`],
    [`name: "nothing"`, "container_not_found", "No such container"],
    [`names: ["web-a", "redis"]`, "container_not_found", `No such container: names[1]: ${accessory}`],
    [`role: "redis"`, "container_not_found", `No container of this role: ${accessory}`],
    [
      `name: "web-a", engine: "other"`,
      "container_not_found",
      "No such container: there is no engine of this name, only local",
    ],
    [`name: "web-a", role: "web"`, "invalid_request", "Exactly one of role, name and names must be given"],
    ["tail: 1", "invalid_request", "Exactly one of role, name and names must be given"],
    ["names: []", "invalid_request", "names must have 1 to 50 names, and none empty"],
    [`name: ""`, "invalid_request", "name must not be empty"],
    [`role: ""`, "invalid_request", "role must not be empty"],
  ])("are refused for %s", async (args, code, message) => {
    expect((await askRole(args)).error).toMatchObject({ message, extensions: { code } });
  });

  it("are those that were found while an engine is silent", async () => {
    const error = { code: "docker_timeout", message: "no answer" };
    const engines = [{ name: "local" }, { name: "other", ok: false, error }].map((one) => ({
      env: null,
      ok: true,
      error: null,
      contactAt: null,
      ...one,
    }));
    const silent = createMemorySources({ containers, retired, engines });
    silent.sources.containers.logs = async () => readPage([line(1)], { tail: 1 });
    await using other = await startGateway(silent.sources);
    const ask = async (args: string) =>
      (await other.query(`{ logs(${args}) { containers { container { name } } } }`)).body;
    expect((await ask(`names: ["web-a", "gone"]`)).data.logs.containers).toEqual([{ container: { name: "web-a" } }]);
    expect((await ask(`name: "gone"`)).errors?.[0]?.extensions.code).toBe("docker_timeout");
  });
});
