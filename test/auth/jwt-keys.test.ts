import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fetchJwks } from "../../src/auth/jwt.ts";

const url = "https://issuer.example/jwks";
const none = () => new Response('{"keys":[]}');
const fetched = vi.fn<(address: string, options: RequestInit) => Promise<Response>>();

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
  fetched.mockReset();
  vi.stubGlobal("fetch", fetched);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Asks for the key set, and gives what it is, or the message of the failure. */
function createAsk() {
  const fetchSet = fetchJwks();
  return async (response: () => Response = none) => {
    fetched.mockImplementationOnce(async () => response());
    const options = {
      method: "GET",
      redirect: "manual",
      headers: { "user-agent": "x" },
      signal: new AbortController().signal,
    };
    return fetchSet(url, options as never).then(
      (answer) => answer.json() as Promise<unknown>,
      (error: Error) => error.message,
    );
  };
}

test("a key set is requested uncompressed, with jose's options", async () => {
  expect(await createAsk()()).toEqual({ keys: [] });
  const [address, options] = fetched.mock.calls[0] ?? [];
  expect([address, options?.method, options?.redirect]).toEqual([url, "GET", "manual"]);
  expect(Object.fromEntries(options?.headers as Headers)).toEqual({ "accept-encoding": "identity", "user-agent": "x" });
});

const padded = (bytes: number) => `{"keys":[],"pad":"${"x".repeat(bytes - '{"keys":[],"pad":""}'.length)}"}`;
test.each([
  [
    "of the largest size",
    () => new Response(padded(262_144)),
    expect.objectContaining({ keys: [], pad: expect.any(String) }) as object,
  ],
  ["of one byte more", () => new Response(padded(262_145)), "the key set is larger than 256 KiB"],
  ["with the status 404", () => new Response('{"keys":[]}', { status: 404 }), "the key set answered 404"],
  ["with the status 201", () => new Response('{"keys":[]}', { status: 201 }), "the key set answered 201"],
  ["of no JSON", () => new Response("<html>"), expect.stringContaining("JSON") as string],
  ["without a body", () => new Response(null), expect.stringContaining("JSON") as string],
  ["that is null", () => new Response("null"), "the answer is not a key set"],
  ["that is a text", () => new Response('"keys"'), "the answer is not a key set"],
  ["that is a list", () => new Response("[]"), "the answer is not a key set"],
  ["without keys", () => new Response('{"key":[]}'), "the answer is not a key set"],
  ["whose keys are no list", () => new Response('{"keys":{"0":{}}}'), "the answer is not a key set"],
  ["with a key that is null", () => new Response('{"keys":[{},null]}'), "the answer is not a key set"],
  ["with a key that is a text", () => new Response('{"keys":["a"]}'), "the answer is not a key set"],
  ["with a key that is a list", () => new Response('{"keys":[[]]}'), "the answer is not a key set"],
  ["with keys", () => new Response('{"keys":[{"kid":"a"},{}]}'), { keys: [{ kid: "a" }, {}] }],
])("a key set answer %s", async (_what, response, expected) => {
  expect(await createAsk()(response)).toEqual(expected);
});

test("a failed fetch is not repeated for 5 s", async () => {
  const ask = createAsk();
  const pause = "the key set could not be fetched a moment ago";
  expect(await ask()).toEqual({ keys: [] });
  expect(await ask(() => new Response("", { status: 500 }))).toBe("the key set answered 500");
  expect(await ask()).toBe(pause);
  vi.advanceTimersByTime(4999);
  expect(await ask()).toBe(pause);
  expect(fetched).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(1);
  fetched.mockReset();
  expect(await ask()).toEqual({ keys: [] });
  // A success needs no pause.
  expect(await ask()).toEqual({ keys: [] });
});

test("an unreachable address is a failure like any other", async () => {
  const ask = createAsk();
  expect(
    await ask(() => {
      throw new Error("refused");
    }),
  ).toBe("refused");
  expect(await ask()).toBe("the key set could not be fetched a moment ago");
});
