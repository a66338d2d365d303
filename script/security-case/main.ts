import { existsSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { toPage } from "./case.ts";
import { notCovered, sections } from "./claims.ts";
import { findMistakes, findUnclaimed } from "./mistakes.ts";

const page = new URL("../../docs/security-case.md", import.meta.url);

function readTest(file: string): string | null {
  const path = new URL(`../../test/${file}`, import.meta.url);
  return existsSync(path) ? readFileSync(path, "utf8") : null;
}

/** Writes docs/security-case.md, or with --check says what is wrong with it. */
function main(): void {
  const text = toPage(sections, notCovered);
  const isOld = !existsSync(page) || readFileSync(page, "utf8") !== text;
  const security = readFileSync(new URL("../../SECURITY.md", import.meta.url), "utf8");
  const mistakes = [...findMistakes(sections, readTest), ...findUnclaimed(sections, security)];
  if (process.argv.includes("--check") && isOld)
    mistakes.push("docs/security-case.md is old: run npm run security-case");
  else if (isOld) writeFileSync(page, text);
  for (const mistake of mistakes) console.error(mistake);
  process.exitCode = mistakes.length > 0 ? 1 : 0;
}

main();
