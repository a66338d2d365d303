import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findProgram } from "../../script/services/process.ts";
import { createAuditFile } from "../../src/audit/file/file.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { terminalCommands } from "../../src/terminal/commands.ts";
import { sampleEntry } from "../support/audit.ts";
import { startProgram } from "../support/cli-process.ts";
import { installClient } from "../support/client-package.ts";
import { listBlocks, listCommands, listSpans, nameBlock } from "../support/doc-blocks.ts";
import { type DocRow, docRows, exitCode, findRow, hasOwnTest } from "../support/doc-commands.ts";
import { createDocShell, type DocRun } from "../support/doc-shell.ts";
import { startDocStage } from "../support/doc-stage.ts";

const blocks = listBlocks().filter((block) => !hasOwnTest(block));
const commands = blocks
  .filter(({ language }) => ["console", "sh"].includes(language))
  .flatMap((block) => {
    const all = listCommands(block);
    const definitions = all.filter(({ command }) => findRow(command)?.isDefinition).map(({ command }) => command);
    return all.map(({ command, shown }, index) => {
      const isFollowed = all[index + 1]?.command === exitCode;
      const shownCode = isFollowed ? Number(all[index + 1]?.shown) : null;
      return { title: `${nameBlock(block)}: ${command.split("\n")[0]}`, command, shown, shownCode, definitions };
    });
  })
  .filter(({ command }) => command !== exitCode);
const spans = listSpans()
  .filter(({ page, text }) => page !== "docs/upgrades.md" && findRow(text))
  .map(({ page, line, text }) => ({
    title: `${page}:${line}: ${text}`,
    command: text,
    shown: "",
    shownCode: null,
    definitions: [] as string[],
  }));
const all = [...commands, ...spans].map((one) => ({ ...one, row: findRow(one.command) }));

let stage: Awaited<ReturnType<typeof startDocStage>>;
let shell: ReturnType<typeof createDocShell>;
beforeAll(async () => {
  stage = await startDocStage();
  shell = createDocShell(stage);
  const audit = createAuditFile({ path: shell.auditFile, logger: silentLogger });
  await audit.write(sampleEntry());
  await audit.close();
});
afterAll(async () => {
  shell?.[Symbol.dispose]();
  await stage?.[Symbol.asyncDispose]();
});

/** A line without what differs from run to run: numbers, times, fingerprints. */
const toPattern = (line: string) =>
  line
    .trim()
    .replaceAll(/\b[\da-f]{12}\b/g, "#")
    .replaceAll(/\d[\d.:]*(?: (?:s|min|h|d)\b)?/g, "#")
    .replaceAll(/\s+/g, " ");
const toKeys = (text: string) => new Set([...text.matchAll(/"(\w+)":/g)].map(([, key]) => key as string));

/** What the page shows and the real answer does not have: keys of JSON, else lines. */
function findMissing(shown: string, real: string, isTable = false): string[] {
  if (/^(?:[[{]|event:)/.test(shown)) {
    const has = toKeys(real);
    return [...toKeys(shown)].filter((key) => !has.has(key));
  }
  if (isTable) {
    const words = real.split("\n")[0]?.split(/\s+/) ?? [];
    return (shown.split("\n")[0]?.split(/\s+/) ?? []).filter((word) => !words.includes(word));
  }
  const lines = new Set(stripVTControlCharacters(real).split(/\r?\n/).map(toPattern));
  return shown.split("\n").filter((line) => !lines.has(toPattern(line)));
}

/**
 * What is wrong with a run: its exit code, what it had to print, and what the page shows and it has
 * not.
 */
function findFaults(run: DocRun, row: DocRow, shown: string, shownCode: number | null): string[] {
  const codes = shownCode === null ? (row.codes ?? [0]) : [shownCode];
  return [
    ...run.missed.map((pattern) => `${pattern} was waited for`),
    // What is stopped by a signal has no exit code of its own.
    ...(row.until || codes.includes(run.code ?? -1) ? [] : [`exit code ${run.code}`]),
    ...(row.prints?.test(run.shown) === false ? [`${row.prints} is not in the output`] : []),
    ...(shown === "" ? [] : findMissing(shown, run.shown, row.isTable)),
  ];
}

const runnable = all.flatMap(({ row, ...one }) => {
  const isHere = row && row.notHere === undefined && !row.isDefinition && (!row.shell || findProgram(row.shell));
  return isHere ? [{ ...one, row }] : [];
});

describe("a command of a page", () => {
  it.each(runnable)("$title", async ({ command, row, shown, shownCode, definitions }) => {
    const run = await shell.run(command, row, definitions);
    expect(findFaults(run, row, shown, shownCode), run.shown).toEqual([]);
  });

  it("that is not run here names what runs it and what it needs", () => {
    const missing = docRows.flatMap(({ pattern, files = {}, notHere }) => {
      const lacks = Object.entries(files).filter(
        ([file, texts]) => !existsSync(file) || texts.some((text) => !readFileSync(file, "utf8").includes(text)),
      );
      const names = notHere !== undefined && Object.keys(files).length === 0 ? ["files"] : [];
      return [...lacks.map(([file]) => file), ...names].map((what) => `${String(pattern)}: ${what}`);
    });
    expect(missing).toEqual([]);
  });

  it("that no page has any more has no row", () => {
    const unused = docRows.filter((row) => !all.some((one) => one.row === row));
    expect(unused.map(({ pattern }) => String(pattern))).toEqual([]);
  });
});

describe("a program of a page", () => {
  const parts = blocks
    .filter(({ language }) => language === "js")
    .map((block) => ({ title: nameBlock(block), text: block.text }));

  it.each(parts)("$title runs", async ({ text }) => {
    const folder = mkdtempSync(join(tmpdir(), "ops-docs-js-"));
    await installClient(folder);
    // A block without imports goes on from the first one of its page.
    const documents = [...text.matchAll(/\b(?:query|queryPartial|subscribe)\((\w+)/g)].map(([, name]) => name);
    const begin = `import { ${["createClient", ...documents].join(", ")} } from "@wallet-core/ops/client";
const ops = createClient({ url: "https://ops.example.com", token: process.env.OPS_TOKEN });\n`;
    const program = (text.includes("import ") ? text : begin + text)
      .replaceAll("https://ops.example.com", stage.url)
      // A minute of a stream is long for a test.
      .replaceAll("60_000", "3_000");
    writeFileSync(join(folder, "program.mjs"), program);
    const env = { OPS_TOKEN: stage.token };
    const { ended, out, err } = startProgram([process.execPath, join(folder, "program.mjs")], env, false);
    const code = await ended;
    rmSync(folder, { recursive: true });
    // A stream that nobody stops ends with the reason of its signal.
    const isStopped = text.includes("AbortSignal.timeout") && err().includes("TimeoutError");
    expect([isStopped || code === 0, isStopped ? "" : err()]).toEqual([true, ""]);
    expect(out()).toMatch(text.includes("console.log") ? /\w/ : /^$/);
  });
});

it("the table of the terminal's commands is complete", () => {
  const section = /## Commands\n([\s\S]*?)\n## /.exec(readFileSync("docs/terminal.md", "utf8"))?.[1] ?? "";
  const named = [...section.matchAll(/^\| `([\w-]+)`/gm)].map(([, name]) => name);
  expect(new Set(named)).toEqual(new Set(terminalCommands.map(({ name }) => name)));
});
