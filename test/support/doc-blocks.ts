import { globSync, readFileSync } from "node:fs";

/**
 * The pages whose blocks and commands are run. docs/upgrades.md is checked as far as it names what
 * is there now.
 */
const docPages: readonly string[] = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  ...globSync("deploy/**/*.md").toSorted(),
  ...globSync("docs/**/*.md").toSorted(),
];

/** A fenced block of a page, or an indented one, whose language is then `indented`. */
export interface DocBlock {
  readonly page: string;
  /** The line of its fence, from 1. */
  readonly line: number;
  /** As the fence has it; empty when it names none. */
  readonly language: string;
  readonly text: string;
}

/** A span of code inside a sentence or a table. */
export interface DocSpan {
  readonly page: string;
  readonly line: number;
  readonly text: string;
}

/** One command of a block, with its continued lines, and what the page shows as its answer. */
export interface DocCommand {
  readonly block: DocBlock;
  readonly command: string;
  /** Empty when the page shows none. */
  readonly shown: string;
}

/** `docs/queues.md:5 (json, "{")`, for messages. */
export function nameBlock({ page, line, language, text }: DocBlock): string {
  return `${page}:${line} (${language || "no language"}, ${JSON.stringify(text.split("\n")[0])})`;
}

/** All blocks of the pages, in their order. */
export function listBlocks(pages: readonly string[] = docPages): DocBlock[] {
  return pages.flatMap((page) => splitPage(page, readFileSync(page, "utf8")).blocks);
}

/** All spans of code outside of blocks. */
export function listSpans(pages: readonly string[] = docPages): DocSpan[] {
  return pages.flatMap((page) => splitPage(page, readFileSync(page, "utf8")).spans);
}

/** The blocks and spans of a page's text. */
export function splitPage(page: string, text: string): { blocks: DocBlock[]; spans: DocSpan[] } {
  const blocks: DocBlock[] = [];
  const prose: string[] = [];
  const lines = text.split("\n");
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? "";
    const fence = /^( *)(`{3,})([\w-]*)/.exec(line);
    const isIndented = line.startsWith("    ") && (index === 0 || lines[index - 1] === "");
    if (!fence && !isIndented) {
      prose.push(line);
      continue;
    }
    const [, indent = "", marks = ""] = fence ?? [];
    const isEnd = (one: string) => (fence ? one.trim() === marks : one !== "" && !one.startsWith("    "));
    let end = index + 1;
    while (end < lines.length && !isEnd(lines[end] ?? "")) end += 1;
    const body = fence
      ? lines.slice(index + 1, end).map((one) => (one.startsWith(indent) ? one.slice(indent.length) : one))
      : lines.slice(index, end).map((one) => one.slice(4));
    blocks.push({
      page,
      line: index + 1,
      language: fence ? (fence[3] ?? "") : "indented",
      text: body.join("\n").trimEnd(),
    });
    const next = fence ? end + 1 : end;
    prose.push(...lines.slice(index, next).map(() => ""));
    index = next - 1;
  }
  return { blocks, spans: findSpans(page, prose.join("\n")) };
}

/** A span may go on in the next line of its paragraph. */
function findSpans(page: string, prose: string): DocSpan[] {
  const spans: DocSpan[] = [];
  for (const { 0: all, 1: marks = "", 2: inner = "", index } of prose.matchAll(
    /(?<!`)(`+)(?!`)((?:(?!\n\n).)+?)(?<!`)\1(?!`)/gs,
  )) {
    if (all.includes("\n\n") || marks.length > 2) continue;
    spans.push({
      page,
      line: prose.slice(0, index).split("\n").length,
      text: inner.replaceAll(/\s*\n\s*/g, " ").trim(),
    });
  }
  return spans;
}

/**
 * The commands of a console block (`$ ...` and what it answers), or of a sh block (one in each
 * line).
 */
export function listCommands(block: DocBlock): DocCommand[] {
  const hasPrompt = block.language === "console";
  const commands: { command: string; shown: string[] }[] = [];
  let isContinued = false;
  let heredocEnd: string | null = null;
  for (const line of block.text.split("\n")) {
    const last = commands.at(-1);
    if (heredocEnd !== null && last) {
      last.command += `\n${line}`;
      if (line === heredocEnd) heredocEnd = null;
      continue;
    }
    if (isContinued && last) last.command += `\n${line}`;
    else if (hasPrompt && !line.startsWith("$ ")) {
      if (!last) throw new Error(`${nameBlock(block)}: a console block begins with a command, after "$ "`);
      last.shown.push(line);
      continue;
    } else if (line.trim() === "" || line.startsWith("#")) continue;
    else commands.push({ command: hasPrompt ? line.slice(2) : line, shown: [] });
    isContinued = line.endsWith("\\");
    heredocEnd = /<<-?\s*['"]?(\w+)/.exec(line)?.[1] ?? null;
  }
  return commands.map(({ command, shown }) => ({
    block,
    // A comment at the end says what the command is for.
    command: command.replaceAll(/[ \t]+# .*$/gm, ""),
    shown: shown.join("\n").trim(),
  }));
}
