import { readFileSync } from "node:fs";
import process from "node:process";
import { findAgain, type Report } from "./test-summary.ts";

// Prints the files of a vitest JSON report that script/test runs once more, one on a line.
const [path] = process.argv.slice(2);
if (!path) throw new Error("usage: test-again.ts REPORT");
for (const file of findAgain(JSON.parse(readFileSync(path, "utf8")) as Report)) console.log(file);
