import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { OpsError } from "../../../../src/lib/errors.ts";
import { protectSecrets } from "../../../../src/lib/redact/secrets.ts";
import { UpstreamReply } from "../../../../src/lib/upstream-reply.ts";
import { createRedisConnection, type Question } from "../../../../src/queues/systems/redis/connection.ts";

/** What the server answers to a command, in its protocol; null: nothing. */
type Answer = (name: string, args: readonly string[]) => string | null;

/** A server that speaks the protocol of Redis, with answers of our own. */
async function startServer(answer: Answer) {
  const sockets = new Set<Socket>();
  const commands: string[] = [];
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    let text = "";
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (data) => {
      text += data.toString();
      const { found, rest } = readCommands(text);
      text = rest;
      for (const [name = "", ...args] of found) {
        commands.push([name, ...args].join(" "));
        const reply = answer(name.toLowerCase(), args);
        if (reply !== null) socket.write(reply);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    commands,
    port,
    url: `redis://127.0.0.1:${port}`,
    connections: () => connections,
    open: () => sockets.size,
    drop: () => {
      for (const socket of sockets) socket.destroy();
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * The commands of a text, and what is behind the last whole one: `*1`, `$4`, `ping`, each with its
 * end of line.
 */
function readCommands(text: string): { readonly found: readonly string[][]; readonly rest: string } {
  const lines = text.split("\r\n");
  const found: string[][] = [];
  let at = 0;
  for (;;) {
    const end = at + 2 * Number(lines[at]?.slice(1)) + 1;
    // The last line has no end yet.
    if (!(end < lines.length)) return { found, rest: lines.slice(at).join("\r\n") };
    found.push(lines.slice(at + 1, end).filter((_, index) => index % 2 === 1));
    at = end;
  }
}

const never = new AbortController().signal;
const ask = (...commands: Question<unknown>["commands"]): Question<readonly unknown[]> => ({
  commands,
  parse: (replies) => replies,
});
const failureOf = (asked: Promise<unknown>) =>
  asked.then(
    () => "answered",
    ({ code, message, upstream }: OpsError) => [code, message, upstream],
  );
const failed = (message: string) => ["queues_unavailable", message, "queues:r"];
const login = "Redis refused the login: check the user and the password in WALLET_CORE_OPS_REDIS_URL";
const rights = "The Redis user may not read the queues: give it +@read on their keys (ACL SETUSER)";
const cluster =
  "WALLET_CORE_OPS_REDIS_URL is a node of a cluster that has the queues on other nodes: give the one that has them";
const away = "Redis cannot be reached: check WALLET_CORE_OPS_REDIS_URL";
const noListener =
  "Redis cannot be reached: nothing listens at its address (ECONNREFUSED): check WALLET_CORE_OPS_REDIS_URL";
const late = "Redis did not answer in time";
const left = "Gave up waiting for Redis: the request has ended";

afterEach(() => void vi.useRealTimers());

describe("createRedisConnection", () => {
  it("sends all questions at once, and gives each its own replies", async () => {
    await using server = await startServer((_name, [key]) => `$${key?.length}\r\n${key}\r\n`);
    const observe = vi.fn<(...call: unknown[]) => void>();
    const connection = createRedisConnection("r", server.url, observe);
    const questions = [ask(["get", "a"], ["get", "bb"]), ask(), ask(["get", "c"])];
    expect(await connection.ask(questions, never)).toEqual([["a", "bb"], [], ["c"]]);
    expect(await connection.ask([ask(["get", "d"])], never)).toEqual([["d"]]);
    expect([server.connections(), server.commands]).toEqual([1, ["get a", "get bb", "get c", "get d"]]);
    const call = ["redis", expect.any(Number), null];
    expect(observe.mock.calls).toEqual([call, call]);
    await connection.close();
    await expect.poll(() => server.open()).toBe(0);
  });

  it("has the answers to very many commands in their order", async () => {
    await using server = await startServer((_name, [key]) => `:${key}\r\n`);
    const connection = createRedisConnection("r", server.url);
    const numbers = Array.from({ length: 10_001 }, (_, n) => n);
    const [replies] = await connection.ask([ask(...numbers.map((n) => ["get", n] as const))], never);
    expect(replies).toEqual(numbers);
    expect(server.commands).toHaveLength(numbers.length);
    await connection.close();
  });

  it("has few commands in flight, and parses what was answered meanwhile", async () => {
    let most = 0;
    let answered = 0;
    await using server = await startServer((_name, [n]) => `:${n}\r\n`);
    const connection = createRedisConnection("r", server.url);
    const questions = Array.from({ length: 2000 }, (_, n) => ({
      commands: [["get", n] as const],
      parse: ([reply]: readonly unknown[]) => {
        most = Math.max(most, server.commands.length - answered);
        answered += 1;
        return reply;
      },
    }));
    expect(await connection.ask(questions, never)).toEqual(questions.map((_, n) => n));
    expect(most).toBe(500);
    await connection.close();
  });

  it("sends no more commands for a caller that leaves meanwhile", async () => {
    await using server = await startServer(() => ":1\r\n");
    const connection = createRedisConnection("r", server.url);
    const leaver = new AbortController();
    const questions = Array.from({ length: 2000 }, () => ({
      commands: [["get", "a"] as const],
      parse: () => leaver.abort(),
    }));
    expect(await failureOf(connection.ask(questions, leaver.signal))).toEqual(failed(left));
    expect(server.commands).toHaveLength(500);
    await connection.close();
  });

  it("sends nothing without a question, or for a caller that has left", async () => {
    await using server = await startServer(() => ":1\r\n");
    const connection = createRedisConnection("r", server.url);
    expect(await connection.ask([ask(), ask()], never)).toEqual([[], []]);
    expect(await failureOf(connection.ask([ask()], AbortSignal.abort()))).toEqual(failed(left));
    expect(await failureOf(connection.ask([ask(["get", "a"])], AbortSignal.abort()))).toEqual(failed(left));
    await connection.close();
    expect(server.connections()).toBe(0);
  });

  it.each([
    ["WRONGPASS invalid username-password pair", login],
    ["NOAUTH Authentication required.", login],
    ["ERR invalid password", login],
    ["ERR invalid username", login],
    ["ERR AUTH <password> called without any password configured", login],
    ["NOPERM User x has no permissions", rights],
    ["MOVED 3999 127.0.0.1:6381", cluster],
    ["CROSSSLOT Keys in request don't hash to the same slot", cluster],
    ["LOADING Redis is loading the dataset in memory", "Redis is still loading its data"],
    ["MASTERDOWN Link with MASTER is down", "Redis is still loading its data"],
    ["ERR upstream timed out", late],
    ["ERR upstream timeout", late],
    ["ERR upstream time out", late],
    ["DENIED Redis is running in protected mode", expect.stringMatching(/protected mode.*WALLET_CORE_OPS_REDIS_URL$/)],
    ["ERR unknown command", away],
  ])("explains a refusal: %s", async (text, message) => {
    await using server = await startServer(() => `-${text}\r\n`);
    const observe = vi.fn<(...call: unknown[]) => void>();
    const connection = createRedisConnection("r", server.url, observe);
    expect(await failureOf(connection.ask([ask(["get", "a"])], never))).toEqual(failed(message));
    expect(observe.mock.calls).toEqual([["redis", expect.any(Number), "queues_unavailable"]]);
    await connection.close();
  });

  it("reads no other database than the one that is named", async () => {
    const refusal = "ERR DB index is out of range";
    await using server = await startServer((name, [database]) =>
      name === "select" && database === "99" ? `-${refusal}\r\n` : ":1\r\n",
    );
    const missing = createRedisConnection("r", `${server.url}/99`);
    const error = await missing.ask([ask(["get", "a"])], never).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message: "Redis has no database 99: correct the number in WALLET_CORE_OPS_REDIS_URL",
      cause: new UpstreamReply(refusal, refusal),
    });
    await missing.close();
    for (const url of [`${server.url}/3`, `${server.url}?db=4`, `${server.url}/0`]) {
      const there = createRedisConnection("r", url);
      expect(await there.ask([ask(["get", "b"])], never)).toEqual([[1]]);
      await there.close();
    }
    expect(server.commands).toEqual(["select 99", "select 3", "get b", "select 4", "get b", "get b"]);
  });

  it("says that a server that is silent may not speak TLS", async () => {
    await using server = await startServer(() => null);
    const connection = createRedisConnection("r", server.url.replace("redis:", "rediss:"));
    expect(await failureOf(connection.ask([ask(["get", "a"])], never))).toEqual(
      failed(`${late}, perhaps as it does not speak TLS there: then WALLET_CORE_OPS_REDIS_URL starts with redis://`),
    );
    await connection.close();
  });

  it("accepts another key type, and a refused `client`, as answers", async () => {
    const wrong = "WRONGTYPE Operation against a key holding the wrong kind of value";
    await using server = await startServer((name) => (name === "client" ? "-NOPERM no\r\n" : `-${wrong}\r\n`));
    const connection = createRedisConnection("r", server.url);
    const [replies] = await connection.ask([ask(["client", "LIST"], ["llen", "a"])], never);
    expect(replies).toEqual([expect.any(Error), expect.any(Error)]);
    expect(replies?.map((reply) => (reply as Error).message)).toEqual(["NOPERM no", wrong]);
    await connection.close();
  });

  it("connects again at the first question after a loss", async () => {
    await using server = await startServer(() => ":1\r\n");
    const connection = createRedisConnection("r", server.url);
    await connection.ask([ask(["get", "a"])], never);
    server.drop();
    await vi.waitFor(async () => expect(await connection.ask([ask(["get", "a"])], never)).toEqual([[1]]));
    expect(server.connections()).toBe(2);
    await connection.close();
    // Also after it was closed: whoever asks is answered.
    expect(await connection.ask([ask(["get", "a"])], never)).toEqual([[1]]);
    expect(server.connections()).toBe(3);
    await connection.close();
  });

  it("is dropped by a timeout, and not by a caller that leaves", async () => {
    let isSilent = true;
    await using server = await startServer(() => (isSilent ? null : ":1\r\n"));
    const connection = createRedisConnection("r", server.url);
    const leaver = new AbortController();
    const leaving = failureOf(connection.ask([ask(["get", "a"])], leaver.signal));
    await expect.poll(() => server.commands.length).toBe(1);
    leaver.abort();
    expect(await leaving).toEqual(failed(left));
    expect(server.open()).toBe(1);
    const deadline = new AbortController();
    const waiting = failureOf(connection.ask([ask(["get", "a"])], deadline.signal));
    await expect.poll(() => server.commands.length).toBe(2);
    deadline.abort(new DOMException("", "TimeoutError"));
    expect(await waiting).toEqual(failed(late));
    await expect.poll(() => server.open()).toBe(0);
    isSilent = false;
    expect(await connection.ask([ask(["get", "a"])], never)).toEqual([[1]]);
    expect(server.connections()).toBe(2);
    await connection.close();
  });

  it("is not tried for a quarter of a second after a refused connection", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const server = await startServer(() => ":1\r\n");
    await server[Symbol.asyncDispose]();
    const connection = createRedisConnection("r", server.url);
    const first = await connection.ask([ask(["get", "a"])], never).catch((error: unknown) => error);
    expect(first).toMatchObject({ message: noListener });
    const { message } = (first as OpsError).cause as Error;
    expect(message).toContain("ECONNREFUSED");
    const again = createServer((socket) => socket.on("error", () => {}).on("data", () => socket.write(":1\r\n")));
    await new Promise<void>((resolve) => again.listen(server.port, "127.0.0.1", resolve));
    vi.advanceTimersByTime(249);
    expect(await failureOf(connection.ask([ask(["get", "a"])], never))).toEqual(failed(noListener));
    vi.advanceTimersByTime(1);
    expect(await connection.ask([ask(["get", "a"])], never)).toEqual([[1]]);
    await connection.close();
    await new Promise((resolve) => again.close(resolve));
  });

  it("puts no part of a password that the server quotes into an error", async () => {
    const password = "canary-of-redis-0123456789";
    protectSecrets([password]);
    let quote = "";
    await using server = await startServer(() => `-ERR unknown command 'AUTH', with args: ${quote}\r\n`);
    const url = server.url.replace("//", `//:${password}@`);
    // The cause is cut at 300 characters.
    for (const length of [0, 225, 230, 235]) {
      quote = `${"x".repeat(length)} '${password}'`;
      const connection = createRedisConnection("redis", url);
      const error = await connection.ask([ask(["ping"])], never).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(OpsError);
      const { message, cause } = error as OpsError;
      expect(`${message} ${(cause as Error).message}`).not.toMatch(/cana|redis-0/);
      expect((cause as Error).message).toContain("unknown command");
      await connection.close();
    }
  });
});
