import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Question } from "../../test/support/questions.ts";
import { createUniform } from "../../test/support/random.ts";
import { type Things, toFresh } from "./questions.ts";

export interface TrafficOptions {
  readonly port: number;
  readonly tokens: readonly string[];
  readonly things: Things;
  readonly questions: readonly Question[];
  readonly perSecond: number;
  /** Most requests in flight; what is due beyond them is skipped. */
  readonly atOnce: number;
}

/** One token may have five. */
const mostStreams = 4;
/** Shares of the requests that have an unknown token, and whose client leaves before the answer. */
const [strangers, leavers] = [0.02, 0.05];
const encodings = ["identity", "gzip", "br"] as const;

/**
 * Clients of one gateway, all in this process: they ask all questions in turn, in another order
 * each round and never twice with the same text, except that a document is sent one to three times,
 * as from the second time on it is compiled.
 */
export class Traffic {
  readonly #options: TrafficOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 });
  readonly #random = createUniform(1);
  readonly #counts = new Map<string, number>();
  #open = 0;
  #streams = 0;
  #number = 0;

  constructor(options: TrafficOptions) {
    this.#options = options;
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const intervalMs = 1000 / this.#options.perSecond;
    while (!signal.aborted) {
      const round = this.#options.questions.map((question) => [this.#random(), question] as const);
      for (const [, question] of round.toSorted(([a], [b]) => a - b)) {
        const fresh = toFresh(question, this.#options.things, (this.#number += 1), (all) => this.#pick(all));
        const times =
          question.path === "/graphql" && question.manner === "read" ? 1 + Math.floor(this.#random() * 3) : 1;
        for (let time = 0; time < times && !signal.aborted; time += 1) {
          this.#send(fresh, signal);
          await sleep(intervalMs * (0.5 + this.#random()));
        }
      }
    }
    this.#agent.destroy();
  }

  /** The answers since the last call, by their status. */
  take(): Readonly<Record<string, number>> {
    const counts = Object.fromEntries([...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    this.#counts.clear();
    return counts;
  }

  #pick<T>(all: readonly T[]): T | undefined {
    return all[Math.floor(this.#random() * all.length)];
  }

  #count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  #send({ method, path, headers, body, manner }: Question, signal: AbortSignal): void {
    const isStream = manner === "follow";
    if (isStream ? this.#streams >= mostStreams : this.#open >= this.#options.atOnce) return this.#count("skipped");
    const token =
      this.#random() < strangers ? `stranger-${this.#number}-of-32-characters-xyz` : this.#pick(this.#options.tokens);
    const asked = request({
      host: "127.0.0.1",
      port: this.#options.port,
      method,
      path,
      ...(isStream ? { agent: false } : { agent: this.#agent }),
      headers: { ...headers, authorization: `Bearer ${token}`, "accept-encoding": this.#pick(encodings) },
    });
    this.#adjust(isStream, 1);
    let status = "left";
    asked.on("response", (response) => {
      response.resume();
      status = String(response.statusCode);
    });
    asked.on("error", () => {});
    const leave = () => void asked.destroy();
    const leaveMs = isStream ? 500 + this.#random() * 8000 : this.#random() < leavers ? this.#random() * 100 : 60_000;
    const timer = setTimeout(leave, leaveMs);
    signal.addEventListener("abort", leave, { once: true });
    asked.once("close", () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", leave);
      this.#adjust(isStream, -1);
      this.#count(isStream ? `stream ${status}` : status);
    });
    asked.end(body ?? undefined);
  }

  #adjust(isStream: boolean, by: 1 | -1): void {
    if (isStream) this.#streams += by;
    else this.#open += by;
  }
}
