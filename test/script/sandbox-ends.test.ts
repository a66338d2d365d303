import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findProgram } from "../../script/services/process.ts";

const exporter = "prometheus-node-exporter";
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ops-ends-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * It never ends by itself, nor does a child of its own, which has left its group and its session.
 */
const hangs = "setsid sleep 600 & sleep 600";
const fails = "setsid sleep 600 & echo 'the reason' >&2; exit 1";

/**
 * An engine without images and containers. `load`: what it does with an image that it has been
 * sent.
 */
const toEngine = (load: string) => `#!${process.execPath}
const { createServer } = require("node:http");
const path = process.argv.find((arg) => arg.startsWith("--host=")).slice("--host=unix://".length);
createServer((request, response) => {
  request.resume().on("end", () => {
    if (request.url.startsWith("/images/create")) { ${load} }
    response.statusCode = request.url.includes("ops-sample") && request.method === "GET" ? 404 : 200;
    response.end("[]");
  });
}).listen(path);
process.on("SIGTERM", () => process.exit());
`;
const engine = toEngine("");

/** A node-exporter that answers. */
const serves = `#!${process.execPath}
const [host, port] = process.argv.find((arg) => arg.startsWith("--web.listen-address=")).split("=")[1].split(":");
require("node:http").createServer((_, response) => response.end()).listen(port, host);
`;

/** The machine's own programs, for a start that gets further. */
const real = (...names: string[]) => Object.fromEntries(names.map((name) => [name, `exec ${findProgram(name)} "$@"`]));

/**
 * Of the machine's own programs, those that the stand-ins and the scripts use. What is not here is
 * not installed.
 */
const tools = real("sh", "setsid", "sleep", "cat", "grep", "find", "ln", "tar", "busybox");

/** The programs of `PATH`, and no others. Debian's dockerd is found without it. */
function startDemo(programs: Readonly<Record<string, string>>, seconds?: number) {
  const id = randomUUID();
  const bin = join(folder, id);
  mkdirSync(bin);
  const all = { ...tools, ip: "exit 1", dockerd: "exit 1", ...programs };
  for (const [name, text] of Object.entries(all))
    writeFileSync(join(bin, name), text.startsWith("#!") ? text : `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  const child: ChildProcess = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "script/sandbox/main.ts", "--once"],
    {
      env: {
        PATH: bin,
        OPS_ENDS_TEST: id,
        ...(seconds !== undefined && { OPS_START_SECONDS: String(seconds) }),
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let output = "";
  child.stdout?.on("data", (chunk) => (output += chunk));
  child.stderr?.on("data", (chunk) => (output += chunk));
  const ended = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  return { child, ended, output: () => output, left: () => findProcesses(`OPS_ENDS_TEST=${id}`) };
}

/** Command lines of the processes that have this in their environment. */
function findProcesses(entry: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const isOne = readFileSync(`/proc/${name}/environ`, "utf8").split("\0").includes(entry);
        return isOne ? [readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ")] : [];
      } catch {
        return [];
      }
    });
}

const onInitdb = (then: string) => `case "$*" in *initdb*) ${then};; esac`;
const onServer = (then: string) => `case "$*" in *" -D "*) ${then};; esac`;

describe("the demo", () => {
  test.each([
    ["busybox fails", { dockerd: engine, busybox: fails }, "busybox failed (1): the reason"],
    ["tar hangs", { dockerd: engine, tar: hangs }, "tar did not end: it took too long", 5],
    ["tar fails", { dockerd: engine, tar: fails }, "tar failed (1): the reason"],
    ["the links of the image fail", { dockerd: engine, find: fails }, "find failed (1): the reason"],
    [
      "the image is refused",
      { dockerd: toEngine("response.statusCode = 500; return response.end('the reason');") },
      "500 the reason",
    ],
    ["the image does not load", { dockerd: toEngine("return;") }, "Kamal host failed: ", 5],
    ["initdb hangs", { setpriv: onInitdb(hangs) }, "setpriv did not end: it took too long", 3],
    ["initdb fails", { setpriv: onInitdb(fails) }, "setpriv failed (1): the reason"],
    ["PostgreSQL fails", { setpriv: onServer(fails) }, "setpriv did not become ready:\nthe reason"],
    ["node-exporter fails", { [exporter]: fails, prometheus: hangs }, `${exporter} did not become ready:\nthe reason`],
    [
      "node-exporter hangs",
      { [exporter]: hangs, prometheus: hangs },
      `${exporter} did not become ready: it took too long`,
      3,
    ],
    ["Prometheus fails", { [exporter]: serves, prometheus: fails }, "prometheus did not become ready:\nthe reason"],
    [
      "Prometheus hangs",
      { [exporter]: serves, prometheus: hangs },
      "prometheus did not become ready: it took too long",
      3,
    ],
    ["the deploy hook fails", real("setpriv"), "post-deploy hook failed: the hook wrote no file"],
  ] as readonly [string, Readonly<Record<string, string>>, string, number?][])(
    "ends with 1 and the reason, and leaves no process, if %s",
    async (_step, programs, reason, seconds) => {
      const demo = startDemo(programs, seconds);
      expect(await demo.ended, demo.output()).toEqual([1, null]);
      expect(demo.output()).toContain(reason);
      await expect.poll(demo.left).toEqual([]);
    },
  );

  test.each(["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"] as const)(
    "leaves no process of parts that hang at %s",
    async (signal) => {
      const demo = startDemo({ dockerd: hangs, setpriv: hangs, [exporter]: hangs, prometheus: hangs });
      const countParts = () => demo.left().filter((command) => command.endsWith("sleep 600 ")).length;
      // Each of the three that come first, and its child in a session of its own.
      await expect.poll(countParts).toBe(6);
      demo.child.kill(signal);
      expect(await demo.ended).toEqual(signal === "SIGKILL" ? [null, "SIGKILL"] : [130, null]);
      await expect.poll(demo.left).toEqual([]);
    },
  );
});
