import { expect, it } from "vitest";
import { createCommand, UsageError } from "../../src/cli/command.ts";
import { runCommand } from "../support/command.ts";

const usage = "usage: own\n\n  what it does\n";
/** Behind what is wrong. */
const short = "\n\nusage: own\n       --help shows all of it";
const options = { flag: { type: "boolean", default: false }, name: { type: "string", short: "n" } } as const;
const own = createCommand({ usage, options, allowPositionals: true }, async ({ print }, { values, positionals }) => {
  print(JSON.stringify([values, positionals]));
  return 7;
});

it.each([
  [[], '[{"flag":false},[]]'],
  [["--flag", "-n", "x", "a", "b"], '[{"flag":true,"name":"x"},["a","b"]]'],
  [["--name=y", "--", "--flag"], '[{"flag":false,"name":"y"},["--flag"]]'],
])("a command with %j gets its options, arguments and own exit code", async (args, out) => {
  const found = await runCommand(own, args);
  expect({ ...found, out: JSON.parse(found.out[0] ?? "") }).toEqual({ code: 7, out: JSON.parse(out), err: [] });
});

it.each([["--help"], ["-h"], ["a", "--flag", "--help"]])("%j prints the help and runs nothing", async (...args) => {
  expect(await runCommand(own, args)).toEqual({ code: 0, out: [usage], err: [] });
});

it("an unknown argument is refused with the usage", async () => {
  const bare = createCommand({ usage }, async () => 0);
  for (const [command, args, problem] of [
    [own, ["--nosuch"], /^Unknown option '--nosuch'/],
    [own, ["--name"], /^Option '-n, --name <value>' argument missing/],
    [bare, ["a"], /^Unexpected argument 'a'/],
    [bare, ["--flag"], /^Unknown option '--flag'/],
  ] as const) {
    const { code, out, err } = await runCommand(command, args);
    expect([code, out, err.length]).toEqual([2, [], 1]);
    expect(err[0]).toMatch(problem);
    expect(err[0]?.endsWith(short)).toBe(true);
  }
  expect(await runCommand(bare)).toEqual({ code: 0, out: [], err: [] });
});

it("wrong arguments are refused with the reason; other failures throw", async () => {
  const fail = (error: Error) => {
    const command = createCommand({ usage }, async () => {
      throw error;
    });
    return runCommand(command);
  };
  expect(await fail(new UsageError("No"))).toEqual({ code: 2, out: [], err: [`No${short}`] });
  const broken = new Error("broken");
  await expect(fail(broken)).rejects.toBe(broken);
});
