import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { TypedDocumentString } from "../../../../src/generated/console.ts";

// Of a browser, what these modules look at when they are loaded.
vi.stubGlobal("window", { location: { hash: "" } });
for (const name of ["sessionStorage", "localStorage"]) vi.stubGlobal(name, { getItem: () => null, setItem: () => {} });

const { ask, follow, lostConnection } = await import("../../../../src/console/app/data/client.ts");
const { changeIntoTokens } = await import("../../../../src/console/app/session/session.ts");
const { loadProvider, provider } = await import("../../../../src/console/app/session/oidc.ts");

const document = "subscription { value }" as unknown as TypedDocumentString<{ value: number }, object>;
const next = (value: number) => `event: next\ndata: ${JSON.stringify({ data: { value } })}\n\n`;

/**
 * An answer that begins so. It goes on, unless it has an end; an abort of its request ends it as in
 * a browser.
 */
function answer(text: string, signal: AbortSignal, { ends = false, type = "text/event-stream" } = {}): Response {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      if (ends) controller.close();
      else signal.addEventListener("abort", () => controller.error(signal.reason));
    },
  });
  return new Response(body, { headers: { "content-type": type } });
}

/** A request into a hole: without a limit of its own it hangs for ever. */
const hang = (signal?: AbortSignal | null) =>
  new Promise<never>((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason as Error)));

type Answer = (signal: AbortSignal) => Response | Promise<Response>;
let answers: Answer[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  answers = [];
  lostConnection.value = null;
  vi.stubGlobal("fetch", async (_: unknown, init?: RequestInit) => {
    const signal = init?.signal as AbortSignal;
    return (answers.shift() ?? hang)(signal);
  });
  vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new DOMException("late", "TimeoutError")), ms);
    return controller.signal;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Follows, and writes down what comes. */
function start() {
  const seen: (number | string)[] = [];
  const stop = follow(document, () => ({}), {
    opened: () => void seen.push("opened"),
    next: ({ value }) => void seen.push(value),
    broken: ({ code }) => void seen.push(code),
    ended: ({ code }) => void seen.push(code),
  });
  return { seen, stop };
}

it("a stream without an answer is opened again once the gateway is back", async () => {
  answers = [hang, (signal) => answer(next(1), signal)];
  const { seen, stop } = start();
  await vi.advanceTimersByTimeAsync(3000);
  lostConnection.value = { since: 0, nextAt: 0 };
  await vi.advanceTimersByTimeAsync(3000);
  lostConnection.value = null;
  await vi.advanceTimersByTimeAsync(1000);
  expect(seen).toEqual(["unreachable", "opened", 1]);
  stop();
});

it("a stream cut behind its messages is opened again", async () => {
  answers = [(signal) => answer(next(1), signal, { ends: true }), (signal) => answer(next(2), signal)];
  const { seen, stop } = start();
  await vi.advanceTimersByTimeAsync(1000);
  expect(seen).toEqual(["opened", 1, "unreachable", "opened", 2]);
  stop();
});

it("a page in place of a stream is no stream, whether it ends or not", async () => {
  const page = (ends: boolean) => (signal: AbortSignal) =>
    answer("<h1>hello</h1>", signal, { ends, type: "text/html" });
  answers = [page(true), page(false)];
  const { seen, stop } = start();
  await vi.advanceTimersByTimeAsync(32_000);
  expect(seen).toEqual(["not_a_gateway", "timeout"]);
  stop();
});

it.each<[string, Answer]>([
  ["no answer", hang],
  ["an answer without an end", (signal) => answer("{", signal, { type: "application/json" })],
])("a question with %s fails in 30 s", async (_, given) => {
  answers = [given];
  const asked = ask(document, {}).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(31_000);
  expect(await Promise.race([asked, Promise.resolve("hangs")])).toMatchObject({ code: "timeout" });
});

it("a sign-in or renewal without an answer fails in 30 s", async () => {
  const changed = changeIntoTokens({ refreshToken: "one" }).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(31_000);
  expect(await Promise.race([changed, Promise.resolve("hangs")])).toMatchObject({ name: "TimeoutError" });
});

it("the identity provider's name is waited for at most 30 s", async () => {
  void loadProvider();
  await vi.advanceTimersByTimeAsync(29_000);
  expect(provider.value).toBeUndefined();
  await vi.advanceTimersByTimeAsync(2000);
  expect(provider.value).toBeNull();
});
