import { expect, it } from "vitest";
import { fleetCommand } from "../../src/cli/fleet.ts";

/** Runs the command until `stop`; its exit code, and what it says. */
async function run(env: Record<string, string>, stop = AbortSignal.abort(), args: readonly string[] = []) {
  const said: string[] = [];
  const print = (text: string) => void said.push(text);
  const code = await fleetCommand({ args, env, readFile: () => "", print, printError: print, stop });
  return [code, said.join("\n")];
}

const regions = { WALLET_CORE_OPS_REGIONS: "eu=http://127.0.0.1:1", WALLET_CORE_OPS_LOG_LEVEL: "silent" };

it("fleet exits with 78 and every mistake of its configuration", async () => {
  expect(await run({ WALLET_CORE_OPS_REGIONS: "eu", WALLET_CORE_OPS_PORT: "x" })).toEqual([
    78,
    expect.stringMatching(/^WALLET_CORE_OPS_REGIONS must be .*\nWALLET_CORE_OPS_PORT must be a port, 0 to 65535$/),
  ]);
});

it("fleet serves until it is stopped, and exits with 0", async () => {
  expect(await run({ ...regions, WALLET_CORE_OPS_PORT: "0" })).toEqual([0, ""]);
});

it("fleet exits with 1 where it cannot listen", async () => {
  const [code, said] = await run({ ...regions, WALLET_CORE_OPS_HOST: "192.0.2.1" });
  expect([code, said]).toEqual([1, expect.stringContaining("cannot start: listen EADDRNOTAVAIL")]);
});

it("fleet takes no arguments", async () => {
  expect(await run(regions, undefined, ["eu"])).toEqual([2, expect.stringContaining("usage: fleet")]);
});
