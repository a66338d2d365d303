import { expect, it } from "vitest";
import { version } from "../../src/lib/build.ts";
import { runCli } from "../support/cli-process.ts";

const commands = ["serve", "check", "indexes", "token", "audit", "schema", "openapi"];

it.each(commands)("%s --help prints its usage and does nothing", async (command) => {
  for (const option of ["--help", "-h"]) {
    expect(await runCli([command, option])).toMatchObject({
      code: 0,
      out: expect.stringMatching(new RegExp(`^usage: ${command}\\b`)),
      err: "",
    });
  }
});

it.each(
  [
    ...commands.map((command) => [command, "--nosuch"]),
    ...["serve", "check", "indexes", "token", "schema", "openapi"].map((command) => [command, "foo"]),
    ["serve", "--port", "5000"],
    ["audit"],
    ["audit", "frob"],
    ["audit", "verify", "a.jsonl", "b.jsonl"],
    ["token", "--subject"],
  ].map((args) => ({ args, line: args.join(" ") })),
)("$line is refused with the reason and the usage", async ({ args }) => {
  const { code, out, err } = await runCli(args);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toMatch(/^(Unknown|Unexpected|Option|The action).*\n\nusage: /);
});

it("help lists the commands and version; an unknown command is refused", async () => {
  for (const args of [["--help"], ["-h"], ["help"]]) {
    const { code, out, err } = await runCli(args);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    for (const command of commands) expect(out).toContain(command);
  }
  expect(await runCli(["--version"])).toMatchObject({ code: 0, out: `${version}\n`, err: "" });
  expect(await runCli(["nothing"])).toMatchObject({
    code: 2,
    out: "",
    err: expect.stringMatching(/^Unknown command 'nothing'\n/),
  });
  expect(await runCli(["problem"])).toMatchObject({
    code: 2,
    out: "",
    err: expect.stringMatching(/^Unknown command 'problem': did you mean problems\?\n/),
  });
  expect(await runCli([])).toMatchObject({ code: 2, out: "", err: expect.stringContaining("usage: wallet-core-ops") });
});
