import { expect, it } from "vitest";
import { logsCommand } from "../../../src/terminal/commands/logs.ts";
import { sampleContainer } from "../../support/containers.ts";
import { startGateway, token } from "../../support/gateway.ts";
import { createMemorySources } from "../../support/memory-sources.ts";
import { runTerminalCommand } from "../../support/terminal-run.ts";

const containers = [
  sampleContainer({ name: "wallet-web-1" }),
  sampleContainer({ name: "wallet-web-2" }),
  sampleContainer({ name: "cron", role: "worker" }),
  sampleContainer({ name: "wallet-cron", role: "cron" }),
];

it.each([
  [[], "Which role, or which containers? `ps` shows them"],
  [["web", "-f", "--until", "1m"], "--until cannot be combined with --follow"],
  [["web", "--since", "yesterday"], "--since must be a time such as 90s, 10m or 2026-11-27T09:41:00Z, not 'yesterday'"],
  [["web", "--since", "1m", "--until", "2m"], "--since must be before --until"],
  [["web", "--tail", "-1"], "Option '--tail' argument is ambiguous"],
  [["web", "--tail", "100001"], "--tail must be a whole number from 0 to 100000, not '100001'"],
  [["web", "--level", "loud"], "--level must be one of trace, debug, info, warn, error, fatal, not 'loud'"],
  [["web", "--level-strict"], "--level-strict needs --level"],
  [["web", "--search", "a", "--regex", "b"], "--search and --regex cannot be combined"],
  [["web", "--stream", "stdin"], "--stream must be one of stdout, stderr, not 'stdin'"],
])("arguments %j are refused before anything is asked", async (args, message) => {
  const { code, out, err } = await runTerminalCommand(logsCommand, args);
  expect(code).toBe(2);
  expect(out).toBe("");
  expect(err.split("\n")[0]).toContain(message);
});

it("a role and a container are found by their names", async () => {
  await using gateway = await startGateway(createMemorySources({ containers }).sources);
  const env = { OPS_URL: gateway.url, OPS_TOKEN: token };
  const ofContainer = await runTerminalCommand(logsCommand, ["wallet-web-1", "--tail", "1"], { env });
  expect(ofContainer).toEqual({ code: 0, out: `from ${containers[0]?.fullId}\n`, err: "" });
  const ofRole = await runTerminalCommand(logsCommand, ["web", "--tail", "9"], { env });
  expect(ofRole.out.split("\n").filter((line) => line.startsWith("wallet-web-1 | from "))).toHaveLength(2);
  expect(ofRole.out.split("\n").filter((line) => line.startsWith("wallet-web-2 | from "))).toHaveLength(2);
  // Both a container and a role.
  const both = await runTerminalCommand(logsCommand, ["cron", "--tail", "1"], { env });
  expect(both.out).toBe(`from ${containers[2]?.fullId}\n`);
  const mixed = await runTerminalCommand(logsCommand, ["web", "wallet-web-1"], { env });
  expect(mixed.code).toBe(2);
  expect(mixed.err).toContain("web is a role: name a single role, or containers");
});

it("a name that is none is an error with the names near it", async () => {
  await using gateway = await startGateway(createMemorySources({ containers }).sources);
  const env = { OPS_URL: gateway.url, OPS_TOKEN: token };
  const { code, out, err } = await runTerminalCommand(logsCommand, ["wep"], { env });
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err).toMatch(/^error: There is no container or role named wep: did you mean web.*\? \(not_found\)$/m);
});

it("a followed log ends with 0 at Ctrl-C", async () => {
  const { sources, calls } = createMemorySources({ containers });
  await using gateway = await startGateway(sources);
  const stop = new AbortController();
  const env = { OPS_URL: gateway.url, OPS_TOKEN: token };
  const ended = runTerminalCommand(logsCommand, ["-f", "web"], { env, stop: stop.signal });
  await expect.poll(() => calls["follow"]).toBe(2);
  stop.abort("SIGINT");
  expect(await ended).toMatchObject({ code: 0, err: "" });
});

it("a followed log ends with 0 when its reader goes", async () => {
  const { sources } = createMemorySources({ containers });
  await using gateway = await startGateway(sources);
  const env = { OPS_URL: gateway.url, OPS_TOKEN: token };
  const { code, out } = await runTerminalCommand(logsCommand, ["-f", "web"], {
    env,
    onWrite: (_text, stdout) => void stdout.destroy(),
  });
  expect(code).toBe(0);
  // The last of the first lines waits for a reader that goes.
  expect(out.split("\n")).toHaveLength(4);
});
