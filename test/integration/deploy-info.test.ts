import { spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { expect, inject, it } from "vitest";
import type { DeployInfo } from "../../src/deploys/deploy.ts";
import { createDeploySource } from "../../src/deploys/files/source.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { toEnv } from "../support/deploys.ts";

/** Every field of version n says n, so that a mixture shows. */
const content = `
  const content = (n) => JSON.stringify({ current_tag: "v" + n, previous_tag: "v" + n, commit_sha: "v" + n, deployed_by: "v" + n,
    deployed_at: "2026-01-10T13:15:00Z", filler: "v" + n + ",".repeat(n % 200) }, null, 2);
  const { existsSync, openSync, writeSync, closeSync, writeFileSync, renameSync } = require("node:fs");
  const pause = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  const [path] = process.argv.slice(1);
  const isDone = () => existsSync(path + ".done");`;

const writers = {
  /**
   * Truncates the file, then writes it piece by piece, sometimes with a pause that is longer than
   * our patience.
   */
  slow: `${content}
    for (let n = 1; !isDone(); n += 1) {
      const file = openSync(path, "w");
      const text = content(n);
      for (let at = 0; at < text.length; at += 40) {
        writeSync(file, text.slice(at, at + 40));
        pause(n % 10 === 0 && at === 80 ? 80 : n % 3);
      }
      closeSync(file);
      pause(n % 40);
    }`,
  /** What the hook does, without a rest. */
  rename: `${content}
    for (let n = 1; !isDone(); n += 1) {
      writeFileSync(path + ".new", content(n));
      renameSync(path + ".new", path);
    }`,
};

/**
 * Reads without a pause, by two callers, until they have seen so many versions while the writer
 * runs.
 */
async function readDuring(writer: string, versions: number): Promise<DeployInfo[]> {
  const path = join(mkdtempSync(join(inject("runFolder"), "deploy-")), "deploy_info.json");
  const first = {
    current_tag: "v0",
    previous_tag: "v0",
    commit_sha: "v0",
    deployed_by: "v0",
    deployed_at: "2026-01-10T13:15:00Z",
  };
  writeFileSync(path, JSON.stringify({ ...first, filler: "v0" }));
  const source = createDeploySource({ path, toEnv, logger: silentLogger });
  const answers = [await source.read(new AbortController().signal)];
  const child = spawn(process.execPath, ["-e", writer, path], { stdio: ["ignore", "ignore", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const began = performance.now();
  const seen = new Set<string>();
  const read = async () => {
    while (child.exitCode === null && child.signalCode === null) {
      const answer = await source.read(new AbortController().signal);
      answers.push(answer);
      if (seen.add(answer.currentTag).size > versions && performance.now() - began > 2500)
        writeFileSync(`${path}.done`, "");
    }
  };
  await Promise.all([read(), read(), ended]);
  expect(child.exitCode).toBe(0);
  answers.push(await source.read(new AbortController().signal));
  return answers;
}

function expectWhole(answers: readonly DeployInfo[]): void {
  for (const { currentTag, previousTag, commitSha, deployedBy, extra, stale, error } of answers) {
    expect(new Set([currentTag, previousTag, commitSha, deployedBy, extra[0]?.value.split(",")[0]])).toEqual(
      new Set([currentTag]),
    );
    expect(error === null).toBe(!stale);
  }
  const numbers = answers.map(({ currentTag }) => Number(currentTag.slice(1)));
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  expect(answers.at(-1)).toMatchObject({ stale: false, error: null });
}

it("a slow truncating writer is never read half-way; old data is stale", async () => {
  const answers = await readDuring(writers.slow, 3);
  expectWhole(answers);
  expect(answers.some((answer) => answer.stale)).toBe(true);
});

it("a renaming writer never shows: every answer is whole and fresh", async () => {
  const answers = await readDuring(writers.rename, 100);
  expectWhole(answers);
  expect(answers.filter((answer) => answer.stale)).toEqual([]);
});
