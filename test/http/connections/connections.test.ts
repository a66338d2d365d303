import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, BlockList, connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test, vi } from "vitest";
import type { FindPeer } from "../../../src/http/client-address.ts";
import { limitConnections } from "../../../src/http/connections/connections.ts";
import { defaultLimits, type EdgeLimits } from "../../../src/http/limits.ts";
import type { PublicPage } from "../../../src/http/surface.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { toBound } from "../../support/bound.ts";
import { createCaller } from "../../support/caller.ts";
import { createSpySurface, startEdge, token } from "../../support/edge.ts";

const api = "/api/v1/admin/ops/x";
const surface = createSpySurface(() => ({ status: 200, body: "{}" }));
const bearerOf = (text = token) => `Authorization: Bearer ${text}\r\n`;
const get = (path: string, headers = "") => `GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;

/** The limits of production, for a twentieth of its connections. */
const small = {
  maxConnections: 100,
  waitingConnections: 50,
  queueLimit: 100,
  publicAnswers: 2,
} satisfies Partial<EdgeLimits>;

interface Client {
  readonly socket: Socket;
  readonly text: () => string;
  readonly isOpen: () => boolean;
}

/** A connection from this address of the machine. It is destroyed with the test. */
function open(port: number, from = "127.0.0.1"): Client {
  const socket = connect({ port, host: "127.0.0.1", localAddress: from }).on("error", () => {});
  let [text, isOpen] = ["", true];
  socket.on("data", (chunk) => (text += chunk.toString("latin1"))).once("end", () => (isOpen = false));
  socket.once("close", () => (isOpen = false));
  onTestFinished(() => void socket.destroy());
  return { socket, text: () => text, isOpen: () => isOpen };
}

/** A new connection that asks once: the status, or "closed". */
function ask(port: number, request: string, from?: string): Promise<string> {
  const { socket } = open(port, from);
  socket.write(request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, toBound(2000), "nothing for 2 s");
    socket.once("data", (chunk) => resolve(chunk.toString("latin1", 9, 12)));
    socket.once("close", () => {
      clearTimeout(timer);
      resolve("closed");
    });
  });
}

/** Without a place for anybody: who asks for it waits, at most 5 s. */
const neverSent: PublicPage = { path: "/asset", accepts: () => true, reply: () => new Promise(() => {}) };

/**
 * Clients that ask for a page on so many connections, again after each answer, and connect again
 * when they are closed.
 */
function flood(port: number, addresses: readonly string[], count: number, headers = "") {
  let [isOver, opened] = [false, 0];
  const begin = (index: number) => {
    if (isOver) return;
    opened += 1;
    const client = open(port, addresses[index % addresses.length]);
    const again = () => client.socket.write(get("/asset", headers.replace("N", String(index))));
    client.socket.on("connect", again).on("data", () => setTimeout(again, 100));
    client.socket.once("close", () => setTimeout(begin, 20, index));
  };
  for (let index = 0; index < count; index += 1) begin(index);
  onTestFinished(() => void (isOver = true));
  return () => opened;
}

const addresses = (count: number, toAddress: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => toAddress(index + 1));

/**
 * From where it comes, and from where others ask at the same time: from networks of their own, and
 * from one that floods with many connections.
 */
const shapes: [string, readonly string[], readonly [string][]][] = [
  ["4 networks", addresses(4, (index) => `127.0.${index}.1`), [["127.0.200.1"], ["127.0.1.200"]]],
  ["one network", addresses(40, (index) => `127.0.1.${index}`), [["127.0.200.1"], ["127.0.1.200"]]],
  ["40 networks", addresses(40, (index) => `127.0.${index}.1`), [["127.0.200.1"], ["127.0.201.1"]]],
];

/**
 * Asks for health checks and with a token, as each of these clients in turn: the requests without
 * an answer 200.
 */
async function findLockedOut(port: number, clients: readonly (readonly [address: string, headers?: string])[]) {
  const lockedOut = [];
  for (let count = 0; count < 24; count += 1) {
    const [address, headers = ""] = clients[count % clients.length] ?? [];
    for (const request of [get(count % 4 < 2 ? "/healthz" : "/readyz", headers), get(api, bearerOf() + headers)]) {
      const status = await ask(port, request, address);
      if (status !== "200") lockedOut.push(`${count} ${address} ${request.slice(4, 11)}: ${status}`);
    }
  }
  return lockedOut;
}

const start = (more: Partial<Parameters<typeof startEdge>[0]> = {}, limits: Partial<EdgeLimits> = small) =>
  startEdge({ surfaces: [surface], publicPages: [neverSent], ...more, limits: { ...limits, drainMs: 0 } });

test.each(shapes)("a flood from %s locks out no health check, no token", async (_name, from, beside) => {
  await using edge = await start();
  const opened = flood(edge.port, from, 130);
  await expect.poll(opened).toBeGreaterThan(200);
  expect(await findLockedOut(edge.port, beside)).toEqual([]);
});

const proxy = new BlockList();
proxy.addAddress("127.0.9.1");

test.each([
  ["one client of a proxy", "X-Forwarded-For: 198.51.100.7\r\n"],
  ["many clients of a proxy", "X-Forwarded-For: 198.51.N.7\r\n"],
  ["a proxy that names no clients", ""],
])("a flood from %s locks out nobody else", async (_name, headers) => {
  await using edge = await start({ trustedProxies: proxy });
  const opened = flood(edge.port, ["127.0.9.1"], 130, headers);
  await expect.poll(opened).toBeGreaterThan(200);
  // The check of the proxy itself, clients beside it, and another client of the proxy.
  const others = [["127.0.9.1"], ["127.0.200.1"], ["127.0.9.1", "X-Forwarded-For: 203.0.113.5\r\n"]] as const;
  expect(await findLockedOut(edge.port, others)).toEqual([]);
});

test("the idle pool of a proxy is larger than any network, and stays", async () => {
  await using edge = await start({ trustedProxies: proxy });
  const pool = Array.from({ length: 40 }, () => open(edge.port, "127.0.9.1"));
  for (const { socket } of pool) await once(socket, "connect");
  const opened = flood(edge.port, ["127.0.1.1", "127.0.2.1"], 80);
  await expect.poll(opened).toBeGreaterThan(200);
  expect(pool.filter(({ isOpen }) => !isOpen())).toEqual([]);
});

test("a connection of a proxy counts for the client of each request", async () => {
  await using edge = await start({ trustedProxies: proxy }, { ...small, maxConnections: 5 });
  const waiting = (from: string) => {
    const client = open(edge.port, "127.0.9.1");
    // The first request has a token; the page is for somebody else.
    const page = `X-Forwarded-For: ${from}\r\n`;
    client.socket.once("data", () => client.socket.write(get("/asset", page))).write(get(api, bearerOf() + page));
    return client;
  };
  const few = [waiting("192.0.2.1"), waiting("203.0.113.1")];
  for (const { text } of few) await expect.poll(text).toMatch(/^HTTP\/1\.1 200 /);
  const many = [1, 2, 3].map((last) => waiting(`198.51.100.${last}`));
  for (const { text } of many) await expect.poll(text).toMatch(/^HTTP\/1\.1 200 /);
  // What was sent before it has been read: also the pages are asked for.
  await expect.poll(() => ask(edge.port, get("/healthz"))).toBe("200");
  await expect.poll(() => many.filter(({ isOpen }) => !isOpen()).length).toBeGreaterThan(0);
  expect(few.map(({ isOpen }) => isOpen())).toEqual([true, true]);
});

test("a connection that had an accepted token outlasts its network", async () => {
  await using edge = await start();
  const known = open(edge.port, "127.0.1.250");
  known.socket.write(get(api, bearerOf()));
  await expect.poll(known.text).toMatch(/^HTTP\/1\.1 200 /);
  const opened = flood(edge.port, ["127.0.1.1", "127.0.1.2"], 130);
  await expect.poll(opened).toBeGreaterThan(300);
  known.socket.write(get("/healthz"));
  await expect.poll(known.text).toMatch(/"status":"ok"/);
});

test("a holder of a token with all connections locks out nobody else", async () => {
  const authenticate = (text = "") => ({ ...createCaller().principal, subject: text });
  await using edge = await start({ authenticate });
  const hoard = Array.from({ length: 120 }, () => open(edge.port, "127.0.1.1"));
  for (const { socket } of hoard) socket.write(get(api, bearerOf("token-of-the-hoarder-0123")));
  const first = open(edge.port, "127.0.2.1");
  first.socket.write(get(api, bearerOf("token-of-a-colleague-0123")));
  await expect.poll(first.text).toMatch(/^HTTP\/1\.1 200 /);
  const again = setInterval(() => {
    const { socket } = open(edge.port, "127.0.1.1");
    hoard.push({ socket, text: () => "", isOpen: () => true });
    socket.write(get(api, bearerOf("token-of-the-hoarder-0123")));
  }, 5);
  onTestFinished(() => clearInterval(again));
  expect(await findLockedOut(edge.port, [["127.0.1.1"], ["127.0.200.1"]])).toEqual([]);
  expect(first.isOpen()).toBe(true);
});

test("strangers have fewer connections than there are places", async () => {
  await using edge = await start({}, { ...small, strangerConnections: 10 });
  const known = open(edge.port, "127.0.1.1");
  known.socket.write(get(api, bearerOf()));
  await expect.poll(known.text).toMatch(/^HTTP\/1\.1 200 /);
  const many = Array.from({ length: 30 }, (_, index) => open(edge.port, `127.0.${index % 3}.7`));
  for (const { socket } of many) socket.write(get(api));
  const openOnes = () => many.filter(({ isOpen }) => isOpen()).length;
  await expect.poll(openOnes).toBe(10);
  expect(await findLockedOut(edge.port, [["127.0.200.1"]])).toEqual([]);
  expect(known.isOpen()).toBe(true);
});

test("each of many strangers gets one answer on its connection", async () => {
  await using edge = await start({}, { ...small, strangersKept: 5 });
  const known = open(edge.port, "127.0.1.1");
  known.socket.write(get(api, bearerOf()));
  await expect.poll(known.text).toMatch(/^HTTP\/1\.1 200 /);
  const few = Array.from({ length: 5 }, () => open(edge.port, "127.0.2.1"));
  for (const { socket } of few) await once(socket, "connect");
  const last = open(edge.port, "127.0.3.1");
  last.socket.write(get("/healthz") + get("/healthz"));
  await expect.poll(last.isOpen).toBe(false);
  expect(last.text().match(/HTTP\/1\.1 200/g)).toHaveLength(1);
  expect(last.text()).toContain("Connection: close");
  for (const { socket } of few.slice(1)) socket.destroy();
  const [rest] = few as [Client];
  rest.socket.write(get("/healthz"));
  await expect.poll(rest.text).toContain("Connection: close");
  known.socket.write(get("/healthz"));
  await expect.poll(known.text).toMatch(/"status":"ok"/);
  expect(known.isOpen()).toBe(true);
});

test.each([
  ["one of many strangers", { strangersKept: 0 }, 401],
  ["a stranger whose tries are used up", { failedAuthBurst: 1, failedAuthPerSecond: 0.001 }, 429],
])("%s gets its answer though its body is late", async (_who, limits, status) => {
  await using edge = await start({}, { ...small, ...limits });
  await ask(edge.port, get(api));
  // It sends all of the body before it reads, as many clients do.
  const socket = connect({ port: edge.port, host: "127.0.0.1", allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  const failed = vi.fn<(error: Error) => void>();
  socket.on("error", failed).write(`POST ${api} HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n`);
  for (let part = 0; part < 4; part += 1) {
    await sleep(10);
    socket.write("x".repeat(1000));
  }
  await sleep(10);
  expect(failed).not.toHaveBeenCalled();
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.toString()).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*\r\nConnection: close\r\n`));
});

test("a holder's connection outlives a health check among many strangers", async () => {
  await using edge = await start({}, { ...small, strangersKept: 0 });
  await once(open(edge.port, "127.0.3.1").socket, "connect");
  const { socket, text, isOpen } = open(edge.port);
  for (const request of [get(api, bearerOf()), get("/healthz"), get(api, bearerOf())]) {
    const before = text().length;
    socket.write(request);
    await expect.poll(() => text().length).toBeGreaterThan(before);
  }
  expect(text().match(/HTTP\/1\.1 200/g)).toHaveLength(3);
  expect(isOpen()).toBe(true);
});

test("an answer rate_limited ends its connection, unread requests too", async () => {
  await using edge = await start({}, { ...small, failedAuthBurst: 1, failedAuthPerSecond: 0.001 });
  const { socket, text, isOpen } = open(edge.port);
  socket.write(get(api) + get(api) + get(api));
  await expect.poll(isOpen).toBe(false);
  expect(text().match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 401", "HTTP/1.1 429"]);
});

test("the log says from whom connections are taken, once a minute", async () => {
  await using edge = await start({}, { ...small, maxConnections: 2 });
  for (let count = 0; count < 6; count += 1) await once(open(edge.port, "127.0.1.1").socket, "connect");
  await expect.poll(() => edge.lines.length).toBe(1);
  expect(JSON.parse(edge.lines[0] ?? "")).toMatchObject({
    from: "127.0.1.0/24",
    limit: "open",
    closed: 1,
    msg: "too many connections: closed one of the largest share",
  });
});

/**
 * A server to which 127.a.b.c is the IPv6 address 2001:db8:a:b::c, and whose answers never come.
 */
async function startIPv6(maxConnections: number): Promise<number> {
  const findPeer: FindPeer = (address = "") => {
    const [, a, b, c] = address.split(".");
    return { address: `2001:db8:${a}:${b}::${c}`, isProxy: false };
  };
  const server: Server = createServer(() => {}).listen(0, "127.0.0.1");
  const limits = { ...defaultLimits, maxConnections };
  limitConnections(server, { ...limits, findPeer, logger: silentLogger });
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

test.each([
  ["a /64 is one network", addresses(6, (index) => `127.1.1.${index}`), addresses(5, (index) => `127.2.${index}.1`)],
  [
    "the networks of a /48 count together",
    addresses(6, (index) => `127.1.${index}.1`),
    addresses(5, () => "127.2.1.1"),
  ],
])("%s: it loses connections first", async (_name, many, few) => {
  const port = await startIPv6(many.length + few.length);
  const join = async (address: string) => {
    const client = open(port, address);
    await once(client.socket, "connect");
    return client;
  };
  const [largest, others] = [[] as Client[], [] as Client[]];
  for (const address of many) largest.push(await join(address));
  for (const address of few) others.push(await join(address));
  for (const address of ["127.3.1.1", "127.4.1.1"]) others.push(await join(address));
  // The second one finds two that are equal: which of them loses one is open.
  await expect.poll(() => [...largest, ...others].filter(({ isOpen }) => !isOpen()).length).toBe(2);
  expect(largest.filter(({ isOpen }) => !isOpen()).length).toBeGreaterThan(0);
  expect(others.slice(-2).map(({ isOpen }) => isOpen())).toEqual([true, true]);
});
