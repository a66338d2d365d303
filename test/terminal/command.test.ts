import { expect, it } from "vitest";
import { OpsError } from "../../src/client/client.ts";
import { UsageError } from "../../src/cli/command.ts";
import { ConditionError, defineCommand, exitCodes, type Session } from "../../src/terminal/command.ts";
import { ContextError } from "../../src/terminal/contexts.ts";
import { hostile, tamed } from "../support/terminal.ts";
import { runTerminalCommand } from "../support/terminal-run.ts";

const form = {
  name: "own",
  summary: "what it does",
  args: "[NAME]",
  about: "First line.\nSecond line.",
  options: {
    size: { type: "string", short: "s", value: "SIZE", choices: ["big", "small"], default: "big", about: "how big" },
    many: { type: "string", multiple: true, about: "again and again" },
    quick: { type: "boolean", about: "in less time" },
  },
  examples: [["wallet-core-ops own x", "Do it"]],
} as const;

const run = (body: (session: Session) => unknown, args: readonly string[] = [], more = {}) =>
  runTerminalCommand(
    defineCommand(form, async (session) => {
      await body(session);
      return 0;
    }),
    args,
    more,
  );

it("the help has what the form says", async () => {
  const { code, out } = await run(() => {}, ["--help"]);
  expect([code, out]).toEqual([
    0,
    expect.stringContaining(`usage: wallet-core-ops own [NAME] [options]

  what it does

  First line.
  Second line.

options:
  -s, --size SIZE     how big
      --many VALUE    again and again
      --quick         in less time
      --context NAME  the gateway`),
  ]);
  expect(out).toContain("examples:\n  Do it:\n      wallet-core-ops own x\n");
  expect(out.trimEnd().endsWith(exitCodes)).toBe(true);
});

it("options and arguments reach the command", async () => {
  let seen: unknown;
  const command = defineCommand(form, async (_session, values, positionals) => {
    seen = [values, positionals];
    return 3;
  });
  const { code } = await runTerminalCommand(command, ["x", "-s", "small", "--many", "a", "--many=b", "--quick"]);
  expect([code, seen]).toEqual([3, [{ size: "small", many: ["a", "b"], quick: true, color: "auto" }, ["x"]]]);
  expect(await run(() => {}, ["--size", "huge"])).toMatchObject({
    code: 2,
    err: expect.stringMatching(/^--size must be one of big, small, not 'huge'/),
  });
  // As of a variable that is not set.
  expect((await run(() => {}, ["--many", "a", "--many", ""])).err).toMatch(/^--many is empty\n/);
  expect((await run(() => {}, [""])).err).toMatch(/^An argument is empty\n/);
});

it.each<[Error, number, string]>([
  [new ConditionError(`not yet ${hostile}`), 3, `not yet ${tamed}\n`],
  [new ContextError("no place"), 78, "no place\n"],
  [
    new UsageError("which?"),
    2,
    "which?\n\nusage: wallet-core-ops own [NAME] [options]\n       --help shows all of it\n",
  ],
  [
    new OpsError("rate_limited", `slow ${hostile}`),
    1,
    `error: slow ${tamed} (rate_limited)\nWait as long as the response says.\n`,
  ],
  [new OpsError("strange", "x"), 1, "error: x (strange)\n"],
])("%s ends with exit code %i and its text", async (error, code, text) => {
  const seen = await run(() => {
    throw error;
  });
  expect([seen.code, seen.out]).toEqual([code, ""]);
  expect(seen.err.startsWith(text)).toBe(true);
});

it("an error after the stop says nothing; one of our own is thrown", async () => {
  const fail = (error: Error) => () => {
    throw error;
  };
  const stopped = await run(fail(new OpsError("unreachable", "x")), [], { stop: AbortSignal.abort() });
  expect(stopped).toEqual({ code: 130, out: "", err: "" });
  await expect(run(fail(new TypeError("bug")))).rejects.toThrow("bug");
});

it("data goes to stdout, notes to stderr, colours where they are asked", async () => {
  const write = async ({ write: print, note, paint, width }: Session) => {
    await print(`${paint("bad", "data")} ${width}\n`);
    note("note");
  };
  expect(await run(write)).toEqual({ code: 0, out: "data null\n", err: "note\n" });
  expect(await run(write, [], { columns: 70 })).toMatchObject({ out: "\u001b[31mdata\u001b[39m 70\n" });
  expect(await run(write, ["--color", "never"], { columns: 70 })).toMatchObject({ out: "data 70\n" });
});

it("a write waits for a slow reader, and says when the reader has gone", async () => {
  const written: boolean[] = [];
  const big = "x".repeat(1e6);
  const seen = await run(async ({ write, context }) => {
    written.push(await write(big), await write(big));
    context.stdio.stdout.destroy(Object.assign(new Error("closed"), { code: "EPIPE" }));
    written.push(await write(big));
  });
  expect([written, seen.out.length]).toEqual([[true, true, false], 2e6]);
});
