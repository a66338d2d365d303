import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { stripVTControlCharacters } from "node:util";
import stringWidth from "string-width";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { OpsError } from "../../../src/lib/errors.ts";
import { graphqlHeaders, startGateway } from "../../support/gateway.ts";
import { acting, createTerminalSources, hostile, tamed } from "../../support/terminal.ts";
import { asking, runTerminal } from "../../support/terminal-run.ts";

let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  gateway = await startGateway(createTerminalSources().sources);
});
afterAll(() => gateway[Symbol.asyncDispose]());

const explain = (...args: string[]) => runTerminal("explain", args, { env: asking(gateway.url) });

it.each<[string[], string, RegExp[]]>([
  [
    ["shop-web-v2"],
    "shop-web-v2 is a container of the role web",
    [
      /State +running, unhealthy/,
      /Result +unhealthy/,
      /Release +v2/,
      /Service +shop/,
      /Health check\n.*Failed +4 times in a row/s,
      /critical: shop-web-v2 on \S+ is unhealthy/,
    ],
  ],
  [
    ["worker"],
    "worker is a role",
    [
      /Running +0 of 1/,
      /Release +v1/,
      /Containers\n {2}shop-worker-v2-.* on local: restarting, 17 restarts/,
      /critical: shop-worker-v2-.* restarts in a loop/,
    ],
  ],
  [
    [`payouts ${hostile}`],
    `payouts ${tamed} is a queue of jobs`,
    [
      /State +failing: 12 failed in 1 h, half or more of what ended in 5 min/,
      /Waiting +120/,
      /Oldest +15 min/,
      /Service +shop/,
      /Errors of the last.*12 times, last .* ago: declined/s,
    ],
  ],
  [["mail"], "mail is a queue of jobs", [/State +ok: no job waits/, /Problems\n {2}none is known/]],
  [[`node ${hostile}`], `node ${tamed} is a host`, [/State +down/, /Reason +not scraped/, /CPU +72 %/]],
  [
    ["far"],
    "far is an engine",
    [/State +does not answer/, /Last heard +never/, /Reason +no way .*\(docker_unavailable\)/],
  ],
  [
    ["v2"],
    "v2 is a deploy",
    [
      /State +rolled back/,
      /By +kim/,
      /Before it +v1/,
      /Runs it\n {2}shop-web-v2 on local/,
      /Lately\n {2}.*Deployed v2/,
    ],
  ],
])("%j is explained", async (args, title, patterns) => {
  const { code, out, err } = await explain(...args);
  expect([code, err, out.split("\n")[0]]).toEqual([0, "", title]);
  for (const pattern of patterns) expect(out).toMatch(pattern);
  expect(out).not.toMatch(acting);
  const narrow = await runTerminal("explain", args, { env: asking(gateway.url), columns: 80 });
  const lines = stripVTControlCharacters(narrow.out).split("\n").slice(1);
  expect(Math.max(...lines.map((line) => stringWidth(line)))).toBeLessThanOrEqual(80);
});

it("A container is explained without a Prometheus and a database", async () => {
  const { sources } = createTerminalSources();
  const refuse = (code: "prometheus_unavailable" | "queues_unavailable") => async () =>
    Promise.reject(new OpsError(code, "It is not configured", { unconfigured: true }));
  const hosts = { ...sources.hosts, report: refuse("prometheus_unavailable") };
  const queues = { ...sources.queues, all: refuse("queues_unavailable") };
  await using other = await startGateway({ ...sources, hosts, queues });
  const { code, err } = await runTerminal("explain", ["shop-web-v2"], { env: asking(other.url) });
  expect([code, err]).toEqual([0, ""]);
});

it("the raw data is the same as JSON and YAML", async () => {
  const [json, yaml] = [await explain("shop-web-v2", "-o", "json"), await explain("shop-web-v2", "-o", "yaml")];
  const { container, problems, thing } = JSON.parse(json.out);
  expect(thing).toMatchObject({ kind: "container", name: "shop-web-v2" });
  expect(container.healthCheck).toMatchObject({ failingStreak: 4, output: `refused ${hostile}` });
  expect(problems.map(({ container: of }: any) => of.name)).toEqual(["shop-web-v2"]);
  expect(parse(yaml.out)).toMatchObject({ container });
  expect(json.out + yaml.out).not.toMatch(acting);
});

describe("a name that says too little", () => {
  it("is refused with near names", async () => {
    const { code, out, err } = await explain("shop-wbe");
    expect([code, out]).toEqual([1, ""]);
    expect(err).toMatch(
      /^error: Nothing is named shop-wbe; near names are shop-redis, shop-web-v2, shop-worker-v2-.*\(not_found\)/,
    );
    expect((await explain("mai")).err).toContain("near names are mail");
    expect((await explain("zzz")).err).toBe("error: Nothing is named zzz (not_found)\n");
  });

  it("is refused with what it may be, and --kind says which", async () => {
    const own = createTerminalSources("x");
    const [first] = own.sources.containers.listCached()?.containers ?? [];
    own.setContainers([
      first,
      { ...first, fullId: "b".repeat(64), engine: "far" },
      { ...first, name: "mail", fullId: "c".repeat(64) },
    ] as never);
    await using other = await startGateway(own.sources);
    const ask = (...args: string[]) => runTerminal("explain", args, { env: asking(other.url) });
    const name = first?.name ?? "";
    expect((await ask("mail")).err).toContain(
      "mail is a container on local and a queue of jobs: say which with --kind",
    );
    expect((await ask("mail", "--kind", "queue")).out).toMatch(/^mail is a queue/);
    expect((await ask(name)).err).toContain("is a container on local and a container on far: say which");
    expect(await ask(name, "--engine", "far")).toMatchObject({ out: expect.stringMatching(/Engine +far/) });
  });

  it("is a usage error where there is none, or two", async () => {
    for (const args of [[], ["a", "b"], ["a", "--kind", "planet"]])
      expect(await explain(...args)).toMatchObject({ code: 2, out: "" });
  });
});

it("an older gateway, which has no edges, is a clear error", async () => {
  // As the gateway refuses a field that it does not have.
  const refused = '{"query":"{ container(name: \\"x\\") { edges } }"}';
  await using older = await startProxy(gateway.url, (body) => (/query Explain/.test(body) ? refused : body));
  const { code, out, err } = await runTerminal("explain", ["shop-web-v2"], { env: asking(older.url) });
  expect([code, out]).toEqual([1, ""]);
  expect(err).toBe(
    "error: This gateway's version is older than this program's and lacks the problems and the timeline of one container: " +
      "upgrade the gateway, or use the commands problems and timeline (gateway_outdated)\n",
  );
});

it.each([["shop-web-v2"], ["worker"], ["mail"], [`node ${hostile}`], ["far"], ["v2"]])(
  "what is known about %j is one question",
  async (name) => {
    const asked: string[] = [];
    const note = (body: string) => (asked.push(...(body.match(/(?<=query )Explain\w+/g) ?? [])), body);
    await using watched = await startProxy(gateway.url, note);
    const { code } = await runTerminal("explain", [name], { env: asking(watched.url) });
    expect([code, asked]).toEqual([0, [expect.stringMatching(/^Explain/)]]);
  },
);

/** Passes questions on, as `change` makes them. */
async function startProxy(url: string, change: (body: string) => string) {
  const server = createServer((request, response) => {
    void (async () => {
      const body = change(await text(request));
      const headers = { ...graphqlHeaders, authorization: String(request.headers.authorization) };
      const answer = await fetch(url + (request.url ?? ""), { method: "POST", headers, body });
      response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
      response.end(await answer.text());
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: async () => void server.close() };
}

it("a dead gateway is an error with its remedy", async () => {
  const { code, err } = await runTerminal("explain", ["x"], { env: asking("http://127.0.0.1:1") });
  expect([code, err]).toEqual([1, expect.stringMatching(/\(unreachable\)\nCheck the address/)]);
});
