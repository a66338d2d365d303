import { expect, it } from "vitest";
import { startProgram } from "../support/cli-process.ts";

const run = (code: string) => startProgram([process.execPath, "-e", code], {}).ended;

it.each([
  ["an unhandled rejection", "Promise.reject(new Error('nobody'))"],
  ["an unhandled rejection of no error", "Promise.reject(7)"],
  ["an uncaught exception", "setTimeout(() => { throw new Error('nobody'); })"],
])("a program that %s ends fails its test", async (_title, code) => {
  await expect(run(code)).rejects.toThrow(/^The program crashed:/);
});

it("a program that fails by itself has only its exit code", async () => {
  expect(await run("console.error('Error: no'); process.exit(1)")).toBe(1);
});
