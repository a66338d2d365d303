import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { toFiles } from "./files.ts";

// `npm run dashboards` writes the files of deploy/grafana and the rules of deploy/prometheus; with --check it only lists outdated files.
const root = join(import.meta.dirname, "../..");
const isCheck = process.argv.includes("--check");

for (const [path, text] of toFiles()) {
  const file = join(root, path);
  if (!isCheck) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  } else if (read(file) !== text) {
    process.stderr.write(`${path} is outdated, npm run dashboards writes it\n`);
    process.exitCode = 1;
  }
}

function read(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
