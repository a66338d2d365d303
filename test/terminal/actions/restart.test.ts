import { describe, expect, it } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import { sampleContainer } from "../../support/containers.ts";
import { startGateway } from "../../support/gateway.ts";
import { createMemorySources, type Memory } from "../../support/memory-sources.ts";
import { runCommand } from "../../support/terminal-run.ts";
import { createTokens } from "../../support/tokens.ts";
import { until } from "../../support/until.ts";

const web = (name: string, more: Partial<Container> = {}) => sampleContainer({ name, destination: "staging", ...more });

async function start(memory: Partial<Memory> = {}, restartEnabled = true, cooldownMs = 0) {
  const limits = { cooldownMs, budgetPerHour: 1000 };
  const made = createMemorySources({ containers: [web("web-1"), web("web-2")], ...memory }, { restartEnabled, limits });
  const gateway = await startGateway(made.sources);
  return { ...made, url: gateway.url, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() };
}

describe("a restart of one container", () => {
  it("shows its preview, asks, and prints the result alone on stdout", async () => {
    await using gateway = await start();
    const run = await runCommand(gateway.url, ["restart", "web-1", "--reason", "leak"], { answers: ["y"] });
    expect(run).toMatchObject({ code: 0, out: "web-1: restarted, running, healthy\n" });
    expect(run.err).toContain("web-1: running, healthy\n  1 other container of its role is healthy.\n");
    expect(run.err).toContain("Restart? [y/N] ");
    expect(gateway.audited.map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ["intent", "leak"],
      ["ok", "leak"],
    ]);
  });

  it.each([[["n"]], [[""]], [[]]])("does nothing after the answer %j", async (answers) => {
    await using gateway = await start();
    const run = await runCommand(gateway.url, ["restart", "web-1"], { answers });
    expect(run).toMatchObject({ code: 1, out: "" });
    expect(run.err).toContain("Nothing was changed");
    expect(gateway.audited).toEqual([]);
  });

  it("needs --yes where stdin is no terminal, after the preview", async () => {
    await using gateway = await start({ containers: [web("web-1")] });
    const run = await runCommand(gateway.url, ["restart", "web-1"]);
    expect(run.code).toBe(2);
    expect(run.err).toContain("This is the last healthy container of its role: nothing serves while it restarts.");
    expect(run.err).toContain("stdin is not a terminal: use --yes to skip the confirmation");
    expect(gateway.audited).toEqual([]);
  });

  it("has one key of its own for each run", async () => {
    await using gateway = await start();
    for (const _ of [1, 2]) await runCommand(gateway.url, ["restart", "web-1", "--yes"]);
    expect(gateway.calls["restart"]).toBe(2);
    const hashes = new Set(gateway.audited.flatMap(({ keyHash, outcome }) => (outcome === "intent" ? [keyHash] : [])));
    expect([hashes.size, hashes.has(null)]).toEqual([2, false]);
  });

  it("waits for its health: 0 when healthy, 3 when not in time", async () => {
    await using gateway = await start({ containers: [web("web-1"), web("slow", { health: "starting" })] });
    const good = await runCommand(gateway.url, ["restart", "web-1", "--yes", "--wait", "-o", "json"]);
    expect(good.code).toBe(0);
    expect(JSON.parse(good.out)).toMatchObject({ name: "web-1", restarted: true, healthy: true });
    const late = await runCommand(gateway.url, ["restart", "slow", "--yes", "--wait", "--timeout", "1s"]);
    expect(late).toMatchObject({ code: 3, out: "slow: restarted, running, starting\n" });
    expect(late.err).toContain("It is still not healthy after 1 s");
  });

  it("goes on in the gateway when it is stopped here: 130", async () => {
    await using gateway = await start({ containers: [web("slow", { health: "starting" })] });
    const stop = new AbortController();
    const running = runCommand(gateway.url, ["restart", "slow", "--yes", "--wait"], { stop: stop.signal });
    await until(() => gateway.calls["restart"] === 1);
    stop.abort("SIGINT");
    expect(await running).toMatchObject({
      code: 130,
      err: expect.stringContaining("The gateway continues the restart"),
    });
  });

  it("says that it would be refused, and asks nothing", async () => {
    await using gateway = await start({}, false);
    const run = await runCommand(gateway.url, ["restart", "web-1", "--yes"]);
    expect(run).toMatchObject({ code: 1, out: "" });
    expect(run.err).toContain("restart_disabled");
    expect(gateway.calls["restart"]).toBeUndefined();
  });

  it("ends with the line that nothing was done, where it would be refused", async () => {
    await using gateway = await start({}, true, 60_000);
    expect((await runCommand(gateway.url, ["restart", "web-1", "--yes"])).code).toBe(0);
    const again = await runCommand(gateway.url, ["restart", "web-1", "--yes"]);
    expect([again.code, again.out, gateway.calls["restart"]]).toEqual([1, "", 1]);
    expect(again.err).toMatch(
      /restart_cooldown[^]*\nNothing was restarted, because the gateway would refuse it \(see above\)\n$/,
    );
  });

  it("names the missing scope", async () => {
    using tokens = createTokens({ reader: { scopes: ["ops:read"] }, operator: { scopes: ["ops:operate"] } });
    const { sources } = createMemorySources({ containers: [web("web-1")] }, { restartEnabled: true });
    await using gateway = await startGateway(sources, { tokensFile: tokens.file });
    const run = await runCommand(gateway.url, ["restart", "web-1", "--yes"], { token: tokens.of("reader") });
    expect(run).toMatchObject({ code: 1, out: "" });
    expect(run.err).toContain("This needs a token with the scope ops:operate");
    const blind = await runCommand(gateway.url, ["restart", "web-1", "--yes"], { token: tokens.of("operator") });
    expect(blind.code).toBe(0);
    expect(blind.err).toContain("Unknown whether jobs are running in it: this token lacks ops:read.");
  });

  it("asks for the engine where several have it", async () => {
    await using gateway = await start({
      containers: [web("web-1"), web("web-1", { engine: "other" })],
      engines: ["local", "other"].map((name) => ({ name, ok: true, error: null })),
    });
    expect((await runCommand(gateway.url, ["restart", "web-1", "--yes"])).err).toContain(
      "choose one with --engine local or other",
    );
    const run = await runCommand(gateway.url, ["restart", "web-1", "--yes", "--engine", "other"]);
    expect(run.code).toBe(0);
    expect(gateway.audited.map(({ engine }) => engine)).toEqual(["other", "other"]);
  });

  it.each([
    [[], "Exactly one container or role is needed"],
    [["a", "b"], "Exactly one container or role is needed"],
    [["web-1", "--timeout", "6m"], "--timeout must be from 1s to 5m"],
    [["web-1", "--reason", " "], "A reason for the audit record is required"],
    [["web-1", "-o", "csv"], "--output must be one of table, json, yaml"],
  ])("%j is an error of usage", async (args, message) => {
    await using gateway = await start();
    const run = await runCommand(gateway.url, ["restart", ...args]);
    expect([run.code, run.err]).toEqual([2, expect.stringContaining(message)]);
  });

  it("an unknown name is an error", async () => {
    await using gateway = await start();
    const run = await runCommand(gateway.url, ["restart", "nowhere", "--yes"]);
    expect([run.code, run.err]).toEqual([1, expect.stringContaining("There is no container or role named nowhere")]);
  });
});

describe("a restart of a role", () => {
  it("shows each preview, then restarts one after the other", async () => {
    await using gateway = await start();
    const run = await runCommand(gateway.url, ["restart", "web"], { answers: ["new secret", "yes"] });
    expect(run).toMatchObject({ code: 0, out: "web-1: restarted\nweb-2: restarted\n" });
    expect(run.err).toContain("web-1: running, healthy\n");
    expect(run.err).toContain("web-2: running, healthy\n");
    expect(run.err).toContain("Restart the role web: 2 containers, one by one? [y/N] ");
    expect(gateway.audited.map(({ reason }) => reason)).toEqual(Array.from({ length: 4 }, () => "new secret"));
  });

  it("stops at the first that is not healthy: 3", async () => {
    await using gateway = await start({ containers: [web("web-1", { health: "starting" }), web("web-2")] });
    const args = ["restart", "web", "--yes", "--reason", "x", "--timeout", "1s", "-o", "json"];
    const run = await runCommand(gateway.url, args);
    expect(run.code).toBe(3);
    expect(JSON.parse(run.out)).toMatchObject({
      complete: false,
      steps: [{ outcome: "UNHEALTHY" }, { outcome: "SKIPPED" }],
    });
  });

  it("needs a reason before it asks anything", async () => {
    await using gateway = await start();
    const run = await runCommand(gateway.url, ["restart", "web", "--yes"]);
    expect([run.code, run.err]).toEqual([2, expect.stringContaining("--reason TEXT")]);
    expect(gateway.audited).toEqual([]);
  });

  it("of several destinations is refused, one is chosen by options", async () => {
    await using gateway = await start({ containers: [web("web-1"), web("web-2", { destination: "beta" })] });
    const args = ["restart", "web", "--yes", "--reason", "x"];
    const several = await runCommand(gateway.url, args);
    expect(several.code).toBe(2);
    expect(several.err).toContain("--service wallet-core-staging --destination staging --env staging");
    expect(await runCommand(gateway.url, [...args, "--destination", "beta"])).toMatchObject({
      code: 0,
      out: "web-2: restarted\n",
    });
  });
});
