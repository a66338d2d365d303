import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import type { LogOptions, LogPage } from "../../src/containers/logs/log.ts";
import { createSharedBudget } from "../../src/lib/budget/budget.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createContainer, removeContainers, runContainer, soon } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";

const socketPath = inject("dockerSocket");
const source = createContainerSource({
  engines: [{ name: "web-1", env: null, address: { kind: "unix", socketPath } }],
  rules: rulesOf("logcheck"),
  logger: silentLogger,
});
const ids: Record<string, string> = {};

const scripts: Readonly<Record<string, string>> = {
  // 40 lines of stderr first, then 400 of stdout.
  mixed:
    "for i in $(seq 40); do echo err-$i >&2; done; sleep 0.1; for i in $(seq 400); do echo out-$i; done; printf unfinished",
  // 50,000 bytes in one line (four entries), "é" (two bytes) across each border, and a line after
  // it.
  long: "yes é | head -n 25000 | tr -d '\\n'; echo; echo after",
  huge: "head -c 200000 /dev/zero | tr '\\0' x; echo; echo after",
  two: "echo first; sleep 1.2; echo second; sleep 0.1; echo third",
};

beforeAll(async () => {
  const names = Object.keys(scripts);
  const start = async (name: string, tty: boolean) => {
    const key = tty ? `tty-${name}` : name;
    ids[key] = await runContainer(socketPath, { name: `logcheck-${key}`, cmd: ["sh", "-c", scripts[name] ?? ""], tty });
  };
  await Promise.all([
    ...names.map((name) => start(name, false)),
    start("mixed", true),
    start("long", true),
    start("huge", true),
  ]);
  ids["created"] = await createContainer(socketPath, { name: "logcheck-created" });
});

afterAll(async () => {
  await source.close();
  await removeContainers(socketPath, Object.values(ids));
});

function read(name: string, options: Partial<LogOptions> = {}): Promise<LogPage> {
  return source.logs(
    { engine: "web-1", fullId: ids[name] ?? "" },
    { tail: 200, ...options },
    createSharedBudget(soon()),
  );
}
const messages = (page: LogPage) => page.lines.map((line) => line.message);

test("logs have the newest lines in order, also without a last newline", async () => {
  const page = await read("mixed", { tail: 3 });
  expect(messages(page)).toEqual(["out-399", "out-400", "unfinished"]);
  expect(page.truncated).toBe(true);
  expect(page.lines[0]?.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
});

test("logs are complete, and say so, when they have fewer lines than asked", async () => {
  const page = await read("mixed", { tail: 5000 });
  expect(page.lines).toHaveLength(441);
  expect(page.truncated).toBe(false);
});

test("logs find the newest stderr lines far behind those of stdout", async () => {
  const page = await read("mixed", { tail: 3, stream: "stderr" });
  expect(page.lines.map(({ stream, message }) => `${stream} ${message}`)).toEqual([
    "stderr err-38",
    "stderr err-39",
    "stderr err-40",
  ]);
  expect(page.truncated).toBe(true);
  expect((await read("mixed", { tail: 40, stream: "stderr" })).lines).toHaveLength(40);
});

test("a search covers the whole log", async () => {
  expect(messages(await read("mixed", { tail: 2, search: "err-1" }))).toEqual(["err-18", "err-19"]);
  expect(await read("mixed", { search: "nowhere" })).toMatchObject({ lines: [], truncated: false });
});

test("since and until are inclusive, and tail counts back from until", async () => {
  const all = await read("two");
  expect(messages(all)).toEqual(["first", "second", "third"]);
  const second = all.lines[1]?.timestamp ?? "";
  expect(messages(await read("two", { tail: 1, until: second }))).toEqual(["second"]);
  expect(messages(await read("two", { since: second }))).toEqual(["second", "third"]);
  expect(messages(await read("two", { since: second, until: second }))).toEqual(["second"]);
});

test.each(["long", "tty-long"])("the parts of a long line are joined as bytes (%s)", async (name) => {
  const page = await read(name);
  expect(messages(page)).toEqual(["é".repeat(25_000), "after"]);
  // Docker's own tail=2 is the end of the long line and the next one.
  expect(messages(await read(name, { tail: 2 }))).toEqual(["é".repeat(25_000), "after"]);
  expect(messages(await read(name, { tail: 1 }))).toEqual(["after"]);
});

test.each(["huge", "tty-huge"])("a line is cut at 64 KiB (%s)", async (name) => {
  const [line, after] = messages(await read(name));
  expect(line).toBe(`${"x".repeat(65_536)} [line cut at 64 KiB]`);
  expect(after).toBe("after");
});

test("a terminal's log has no carriage returns", async () => {
  const page = await read("tty-mixed", { tail: 3 });
  expect(messages(page)).toEqual(["out-399", "out-400", "unfinished"]);
  expect(page.lines.every(({ stream }) => stream === "stdout")).toBe(true);
});

test("a container that never ran has an empty log; an unknown one is 404", async () => {
  expect(await read("created")).toMatchObject({ lines: [], truncated: false });
  const unknown = source.logs({ engine: "web-1", fullId: "0".repeat(64) }, { tail: 1 }, createSharedBudget(soon()));
  await expect(unknown).rejects.toMatchObject({ code: "container_not_found" });
});
