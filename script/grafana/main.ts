import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { toFiles } from "./files.ts";

// `npm run dashboards` writes the files of deploy/grafana and the rules of deploy/prometheus; with
// --check it only lists outdated files. With --console=https://ops.example.com the links to the
// console have that address.
const root = join(import.meta.dirname, "../..");
const { values } = parseArgs({ options: { check: { type: "boolean", default: false }, console: { type: "string" } } });

for (const [path, text] of toFiles(values.console?.replace(/\/$/, ""))) {
  const file = join(root, path);
  if (!values.check) {
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
