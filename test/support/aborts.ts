import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { vi } from "vitest";
import { Budget } from "../../src/lib/budget/budget.ts";
import type { Question } from "./questions.ts";
import { createUniform } from "./random.ts";

/** A request with this header loses its connection after so many turns of the event loop. */
const header = "x-cut-after";

interface Started {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Cuts connections of servers in this process exactly where a test wants it: a request waits in a
 * turn of the event loop for something, so each turn is an await at which its client may leave.
 * Also collects unhandled rejections, any of which would end the process.
 */
export function createCutter() {
  const cut = new Set<string>();
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown) => void unhandled.push(reason);
  const onStart = (message: unknown) => {
    const { request, response } = message as Started;
    const [id = "", count] = String(request.headers[header] ?? "").split(" ");
    if (count === undefined) return;
    let left = Number(count);
    const step = () => {
      // Yoga keeps the connection of a stream open, also after its end.
      if (left === 0 || response.closed) {
        if (!response.writableFinished) cut.add(id);
        request.socket.destroy();
        return;
      }
      left -= 1;
      if (left === 0) process.nextTick(step);
      else setImmediate(step);
    };
    step();
  };
  const original = Reflect.get<Budget, "turn">(Budget.prototype, "turn");
  const taken = new WeakMap<Budget, number>();
  // As in a busy process: who takes a turn waits for it, for the first ones of a request.
  const busy = vi.spyOn(Budget.prototype, "turn").mockImplementation(function wait(this: Budget) {
    const before = taken.get(this) ?? 0;
    taken.set(this, before + 1);
    const given = original.call(this);
    return before < 3 ? pauseTurns().then(() => given ?? undefined) : given;
  });
  subscribe("http.server.request.start", onStart);
  process.on("unhandledRejection", onUnhandled);
  let lastId = 0;
  return {
    unhandled,
    /**
     * Asks, and loses the connection after so many turns. False when the answer was complete before
     * that.
     */
    async ask(url: string, question: Question, authorization: string | null, turns: number): Promise<boolean> {
      const id = String(++lastId);
      await send(url, question, authorization, { [header]: `${id} ${turns}` });
      return cut.delete(id);
    },
    [Symbol.dispose]() {
      unsubscribe("http.server.request.start", onStart);
      process.off("unhandledRejection", onUnhandled);
      busy.mockRestore();
    },
  };
}

/**
 * The body goes in a packet of its own, so that it is waited for. Resolves when the connection is
 * closed, however.
 */
export async function send(
  url: string,
  { method, path, headers, body }: Question,
  authorization: string | null,
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { hostname, port, host } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  const length: Record<string, string> = body === null ? {} : { "content-length": String(Buffer.byteLength(body)) };
  const all = {
    host,
    connection: "close",
    ...headers,
    ...length,
    ...(authorization !== null && { authorization }),
    ...more,
  };
  const lines = Object.entries(all).map((pair) => pair.join(": "));
  let text = "";
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => {}).on("data", (chunk) => (text += String(chunk)));
  socket.write(`${[`${method} ${path} HTTP/1.1`, ...lines].join("\r\n")}\r\n\r\n`);
  if (body !== null) {
    await turn();
    socket.write(body);
  }
  await closed;
  return text;
}

const random = createUniform(35);
const slow = new WeakMap<object, object>();

/**
 * The same sources, but each of their answers takes one to five turns of the event loop, and is the
 * reason of the caller's signal once that has aborted: as with upstreams in a network.
 */
export function slowDown<T extends object>(source: T): T {
  const known = slow.get(source);
  if (known) return known as T;
  const made = new Proxy(source, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return isSource(value) ? slowDown(value) : value;
      return (...args: unknown[]) => {
        const result: unknown = Reflect.apply(value, target, args);
        return result instanceof Promise ? later(result, findSignal(args)) : result;
      };
    },
  });
  slow.set(source, made);
  return made;
}

/** One to five. A connection is closed only between two turns. */
async function pauseTurns(): Promise<void> {
  for (let left = 1 + Math.floor(random() * 5); left > 0; left -= 1) await turn();
}

async function later(result: Promise<unknown>, signal: AbortSignal | undefined): Promise<unknown> {
  const value = await result;
  await pauseTurns();
  signal?.throwIfAborted();
  return Array.isArray(value) ? value.map((one: unknown) => (isSource(one) ? slowDown(one) : one)) : value;
}

function findSignal(args: readonly unknown[]): AbortSignal | undefined {
  for (const arg of args) {
    if (arg instanceof AbortSignal) return arg;
    if (typeof arg === "object" && arg !== null && "signal" in arg && arg.signal instanceof AbortSignal)
      return arg.signal;
  }
  return undefined;
}

/** Whether it is asked by functions of its own, and is no instance of a class of the language. */
function isSource(value: unknown): value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return (
    Object.getPrototypeOf(value) === Object.prototype && Object.values(value).some((one) => typeof one === "function")
  );
}

/** The status of an answer as text; 0 without one. */
export function readStatus(text: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1] ?? 0);
}
