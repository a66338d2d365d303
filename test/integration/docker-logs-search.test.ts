import { monitorEventLoopDelay } from "node:perf_hooks";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { toBound } from "../support/bound.ts";
import { removeContainers, runContainer } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";

const socketPath = inject("dockerSocket");
const containers = createContainerSource({
  engines: [{ name: "web-1", env: null, address: { kind: "unix", socketPath } }],
  rules: rulesOf("searchcheck"),
  logger: silentLogger,
});
const gateway = await startGateway({ ...createMemorySources().sources, containers });
const ids: string[] = [];

const stackTrace = String.raw`printf 'ERROR boom\n    at f (x.js:1)\nCaused by: y\nINFO fine\n{"level":40,"msg":"slow"}\nplain\n'`;
const scripts: Readonly<Record<string, string>> = {
  levels: `${stackTrace}; for i in $(seq 300); do echo "INFO request $i status=200"; done`,
  // The secret lies across the border of two of Docker's entries; colours and a window title around
  // another one.
  secrets: String.raw`head -c 16380 /dev/zero | tr '\0' x; echo ' password=canary-1234'; printf '\033]0;title\007\033[31mpass\342\200\213word=canary-5678\033[0m\n'; printf -- '-----BEGIN PRIVATE KEY-----\nMIIcanary\n-----END PRIVATE KEY-----\n'`,
  many: "yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | head -n 200000",
};

beforeAll(async () => {
  const labels = { service: "searchcheck", destination: "staging" };
  for (const [role, script] of Object.entries(scripts)) {
    const name = `searchcheck-${role}`;
    ids.push(await runContainer(socketPath, { name, labels: { ...labels, role }, cmd: ["sh", "-c", script] }));
  }
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await containers.close();
  await removeContainers(socketPath, ids);
});

function get(role: string, query: string, init?: RequestInit): Promise<Response> {
  return gateway.fetch(`/api/v1/admin/ops/containers/searchcheck-${role}/logs?${query}`, init);
}
async function messages(role: string, query: string): Promise<string[]> {
  const body = (await (await get(role, query)).json()) as { lines: { message: string }[] };
  return body.lines.map(({ message }) => message);
}

test("secrets and control sequences are in no answer, nor searchable", async () => {
  const lines = await messages("secrets", "");
  expect(lines.join("\n")).not.toContain("canary");
  expect(lines[0]).toMatch(/^x{16380} password=\[redacted\]$/);
  expect(lines.slice(1)).toEqual(["password=[redacted]", "[redacted]", "[redacted]", "[redacted]"]);
  expect(await messages("secrets", "search=canary")).toEqual([]);
  expect(await messages("secrets", "search_regex=can.ry")).toEqual([]);
  const text = await get("secrets", "", { headers: { accept: "text/plain" } });
  expect(await text.text()).not.toMatch(/canary|[^\n\x20-\x7e]/);
});

test("search and search_regex are case-sensitive unless ignore_case", async () => {
  expect(await messages("levels", "tail=1&search=error%20BOOM")).toEqual([]);
  expect(await messages("levels", "tail=1&search=error%20BOOM&ignore_case=true")).toEqual(["ERROR boom"]);
  expect(await messages("levels", "tail=1&search_regex=%5Eerror%20b")).toEqual([]);
  expect(await messages("levels", "tail=1&search_regex=%5Eerror%20b&ignore_case=true")).toEqual(["ERROR boom"]);
});

test("a level keeps stack traces whole and applies before the limit", async () => {
  const error = ["ERROR boom", "    at f (x.js:1)", "Caused by: y"];
  expect(await messages("levels", "level=error&tail=5&level_strict=true")).toEqual(error);
  expect(await messages("levels", "level=warn&tail=5&level_strict=true")).toHaveLength(4);
  expect(await messages("levels", "level=error&tail=5")).toEqual([...error, "plain"]);
  expect((await get("levels", "level=error&level_strict=maybe")).status).toBe(400);
  expect((await get("levels", "level=loud")).status).toBe(400);
});

test("regular expressions search far back; a bad one is refused by name", async () => {
  expect(
    await messages("levels", `tail=2&search_regex=${encodeURIComponent("^INFO request 1\\d status=2\\d\\d$")}`),
  ).toEqual(["INFO request 18 status=200", "INFO request 19 status=200"]);
  const bad = await get("levels", "search_regex=(");
  expect(bad.status).toBe(400);
  expect(await bad.json()).toMatchObject({ error: { code: "invalid_request" } });
});

test("a catastrophic expression delays nobody", async () => {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const answer = await get("many", `search_regex=${encodeURIComponent("(a+)+b$")}`);
  delay.disable();
  expect([200, 504]).toContain(answer.status);
  expect(delay.max / 1e6).toBeLessThan(toBound(300));
});

test("download is a text file with the container's name", async () => {
  const answer = await get("levels", "download=true&tail=1");
  expect(answer.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  expect(answer.headers.get("content-disposition")).toBe('attachment; filename="searchcheck-levels.log"');
  expect(await answer.text()).toBe("INFO request 300 status=200\n");
});
