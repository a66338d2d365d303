import { styleText } from "node:util";
import { toShortName } from "../../facts/container.ts";
import { toShortRelease } from "../../lib/short-release.ts";
import type { Session } from "../command.ts";
import { toSafe } from "../output/print.ts";
import { toOneLine } from "../output/style.ts";
import { toWriterKey } from "../../client/log-seen.ts";
import { type Line, toLineText } from "./line.ts";
import type { LogTarget } from "./target.ts";

/** Without red, which means that something is wrong. */
const colours = [
  "cyan",
  "yellow",
  "green",
  "magenta",
  "blue",
  "cyanBright",
  "yellowBright",
  "greenBright",
  "magentaBright",
  "blueBright",
] as const;

interface PrinterOptions {
  readonly isJson: boolean;
  readonly hasTimes: boolean;
  /** Lines of several containers may come. */
  readonly hasNames: boolean;
  /** They may run on several engines. */
  readonly hasEngines: boolean;
  /**
   * The service and destination of all of them, which their short names leave out; null where they
   * differ.
   */
  readonly group: LogTarget["group"];
}

interface Writer {
  readonly short: string;
  readonly colour: (typeof colours)[number];
  /** The prefix of its lines, for the width `width`. */
  prefix: string;
  width: number;
}

/** Writes lines to stdout and notices about them to stderr, in the order in which they come. */
export class LogPrinter {
  readonly #session: Session;
  readonly #options: PrinterOptions;
  readonly #isColoured: boolean;
  readonly #writers = new Map<string, Writer>();
  #width = 0;

  constructor(session: Session, options: PrinterOptions) {
    [this.#session, this.#options] = [session, options];
    this.#isColoured = session.paint("strong", "x") !== "x";
  }

  /** Writes all lines as one text. False once the reader has gone. */
  async write(lines: readonly Line[]): Promise<boolean> {
    const { isJson } = this.#options;
    let text = "";
    for (const line of lines) {
      if (isJson) text += `${toSafe(JSON.stringify(line))}\n`;
      else if (line.kind === "LINE") text += this.#toText(line);
      else {
        // No container wrote it: a script must not take it for a line.
        if (text !== "" && !(await this.#session.write(text))) return false;
        text = "";
        this.#session.note(this.#session.paintError("strong", `--- ${toOneLine(line.message)}`));
      }
    }
    return text === "" || this.#session.write(text);
  }

  #toText({ timestamp, message, container }: Line): string {
    const { hasTimes, hasNames } = this.#options;
    return `${hasTimes ? `${timestamp} ` : ""}${hasNames ? this.#toPrefix(container) : ""}${toLineText(message)}\n`;
  }

  #toPrefix(container: Line["container"]): string {
    const key = toWriterKey(container);
    let writer = this.#writers.get(key);
    if (!writer) {
      const short = this.#toShort(container);
      writer = { short, colour: this.#toColour(short), prefix: "", width: 0 };
      this.#writers.set(key, writer);
      this.#width = Math.max(this.#width, short.length);
    }
    if (writer.width !== this.#width) {
      const padded = `${writer.short.padEnd(this.#width)} | `;
      writer.prefix = this.#isColoured ? styleText(writer.colour, padded, { validateStream: false }) : padded;
      writer.width = this.#width;
    }
    return writer.prefix;
  }

  /**
   * The role and the release, as people say it, and the engine where there are several. The whole
   * name where that is taken.
   */
  #toShort({ name, engine, version }: Line["container"]): string {
    const { hasEngines, group } = this.#options;
    const ofGroup =
      group === null || version === ""
        ? name
        : toShortName({ name, version, service: group.service }, { ...group, release: toShortRelease(version) });
    const short = toOneLine(ofGroup + (hasEngines ? `@${engine}` : ""));
    return [...this.#writers.values()].some((other) => other.short === short) ? toOneLine(`${name}@${engine}`) : short;
  }

  /**
   * Chosen by the name, so that it is the same next time, unless another container already has it.
   */
  #toColour(short: string): Writer["colour"] {
    const taken = new Set([...this.#writers.values()].map(({ colour }) => colour));
    let hash = 0x811c9dc5;
    for (let index = 0; index < short.length; index++) hash = Math.imul(hash ^ short.charCodeAt(index), 0x01000193);
    const own = colours.map((_, index) => colours[((hash >>> 0) + index) % colours.length] ?? colours[0]);
    return own.find((colour) => !taken.has(colour)) ?? own[0] ?? colours[0];
  }
}
