import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize, resolve } from "node:path";
import process from "node:process";

const usage = `Usage: node script/house.ts [--flows] [folder of another checkout]
Prints sizes of the files and folders of \`src\`, files with one importer, circles of imports (type imports too) and private words.
With a second checkout: the numbers of both, side by side.
--flows also counts the files that one warm call enters, on a real dockerd and PostgreSQL (a minute for each checkout, which needs its node_modules).\n`;

/** Private words of this project that a newcomer cannot know. */
const privateWords = /\b(?:tells?|told|kept|bells?|desks?)\b/gi;

interface Figures {
  readonly [name: string]: number | string;
}

function measure(root: string): Figures {
  const files = globSync("src/**/*.ts", { cwd: root, exclude: ["src/generated/**"] });
  const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), "utf8")]));
  const lengths = [...texts.values()].map((text) => text.split("\n").length - 1).toSorted((a, b) => a - b);
  const at = (share: number) => lengths[Math.floor((lengths.length - 1) * share)] ?? 0;
  const graph = new Map(
    [...texts].map(([file, text]) => [file, listImports(file, text).filter((other) => texts.has(other))]),
  );
  const importers = new Map<string, number>();
  for (const imported of graph.values())
    for (const file of new Set(imported)) importers.set(file, (importers.get(file) ?? 0) + 1);
  const folders = Object.entries(Object.groupBy(files, dirname)).map(
    ([folder, inside]) => [inside?.length ?? 0, folder] as const,
  );
  const [fullest = [0, ""]] = folders.toSorted(([a], [b]) => b - a);
  return {
    files: files.length,
    "median lines": at(0.5),
    "lines, 9 of 10 files": at(0.9),
    "largest file": at(1),
    "files of at most 30 lines": lengths.filter((length) => length <= 30).length,
    "files with one importer": [...importers.values()].filter((count) => count === 1).length,
    "circles of imports": countCircles(graph),
    "fullest folder": `${fullest[0]} (${fullest[1]})`,
    "lines of src": lengths.reduce((sum, length) => sum + length, 0),
    "private words": [...texts.values()].reduce((sum, text) => sum + (text.match(privateWords)?.length ?? 0), 0),
  };
}

function listImports(file: string, text: string): string[] {
  const specifiers = [...text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map((match) => match[1] ?? "");
  return specifiers.map((specifier) => normalize(join(dirname(file), specifier)));
}

/**
 * Groups of files that reach each other (Tarjan's strongly connected components of more than one
 * file).
 */
function countCircles(graph: ReadonlyMap<string, readonly string[]>): number {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  let circles = 0;
  const visit = (file: string) => {
    order.set(file, order.size);
    lowest.set(file, order.get(file) ?? 0);
    stack.push(file);
    for (const other of graph.get(file) ?? []) {
      if (!order.has(other)) visit(other);
      if (stack.includes(other)) lowest.set(file, Math.min(lowest.get(file) ?? 0, lowest.get(other) ?? 0));
    }
    if (lowest.get(file) !== order.get(file)) return;
    if (stack.splice(stack.indexOf(file)).length > 1) circles += 1;
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return circles;
}

/** Files that a warm call enters, for each flow. */
async function countFlows(root: string): Promise<Figures> {
  const { measureFlows } = await import("./house/flows.ts");
  const flows = await measureFlows(root);
  return Object.fromEntries([...flows].map(([flow, files]) => [`files entered, ${flow}`, files.length]));
}

const folders = process.argv.slice(2).filter((argument) => argument !== "--flows");
const withFlows = process.argv.includes("--flows");
if (folders.length > 1 || folders[0]?.startsWith("-")) {
  process.stderr.write(usage);
  process.exit(2);
}
const roots = [join(import.meta.dirname, ".."), ...folders.map((folder) => resolve(folder))];
const columns: Figures[] = [];
for (const root of roots) columns.push({ ...measure(root), ...(withFlows && (await countFlows(root))) });
const [here = {}, there] = columns;
for (const [name, figure] of Object.entries(here)) {
  const before = there ? String(there[name]).padEnd(28) : "";
  process.stdout.write(`${name.padEnd(52)}${before}${figure}\n`);
}
