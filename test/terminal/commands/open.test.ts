import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { findOpener, toAddress } from "../../../src/terminal/commands/open.ts";
import { startGateway, token } from "../../support/gateway.ts";
import { createTerminalSources, hostile } from "../../support/terminal.ts";
import { asking, runTerminal } from "../../support/terminal-run.ts";

let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  gateway = await startGateway(createTerminalSources().sources);
});
afterAll(() => gateway[Symbol.asyncDispose]());

it.each<[string[], string, Record<string, string>]>([
  [[], "/", {}],
  [["shop-web-v2"], "/container", { name: "shop-web-v2", engine: "local" }],
  [["worker"], "/logs", { role: "worker" }],
  [[`payouts ${hostile}`], "/queue", { name: `payouts ${hostile}`, source: "jobs" }],
  [[`node ${hostile}`], "/host", { name: `node ${hostile}` }],
  [["far"], "/containers", { engine: "far" }],
])("the address of %j is %s with its parameters", async (args, path, query) => {
  const { code, out, err } = await runTerminal("open", [...args, "--print"], { env: asking(gateway.url) });
  const address = new URL(out.trimEnd());
  expect([code, err, address.origin, address.pathname]).toEqual([0, "", gateway.url, path]);
  expect(Object.fromEntries(address.searchParams)).toEqual(query);
  expect(out).toMatch(/^[\u0021-\u007e]+\n$/);
  expect(out).not.toContain(token);
});

it("the address of a deploy has its id", async () => {
  const { out } = await runTerminal("open", ["v2", "-p"], { env: asking(gateway.url) });
  expect(out).toMatch(/\/deploy\?id=[\w%-]+\n$/);
});

it("the address is below that of the gateway, without secrets", () => {
  expect(toAddress("https://ops.example.com/team/graphql", null)).toBe("https://ops.example.com/team/");
  expect(toAddress("https://kim:secret@ops.example.com/?token=x#token=y", null)).toBe("https://ops.example.com/");
});

it.each<[string, Record<string, string>, readonly string[] | null]>([
  ["linux", {}, null],
  ["linux", { DISPLAY: ":0" }, ["xdg-open"]],
  ["linux", { WAYLAND_DISPLAY: "wayland-0" }, ["xdg-open"]],
  ["darwin", {}, ["open"]],
  ["win32", {}, ["rundll32", "url.dll,FileProtocolHandler"]],
])("on %s with %j the opener is %j", (platform, env, opener) => {
  expect(findOpener(platform, env)).toEqual(opener);
});

it.runIf(process.platform === "linux")("the opener of the desktop gets the address as one argument", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ops-open-"));
  vi.stubEnv("PATH", `${folder}:${process.env["PATH"]}`);
  try {
    const program = (text: string) => {
      writeFileSync(join(folder, "xdg-open"), `#!/bin/sh\n${text}\n`);
      chmodSync(join(folder, "xdg-open"), 0o700);
    };
    const env = { ...asking(gateway.url), DISPLAY: ":0" };
    program(`printf '%s|' "$#" "$@" > ${folder}/seen`);
    const opened = await runTerminal("open", [`payouts ${hostile}`], { env });
    expect(readFileSync(join(folder, "seen"), "utf8")).toBe(`1|${opened.out.trimEnd()}|`);
    program("exit 3");
    expect(await runTerminal("open", [], { env })).toMatchObject({ code: 0, err: "xdg-open could not open it\n" });
  } finally {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  }
});
