import { once } from "node:events";
import { type AddressInfo, type ListenOptions, connect, createServer, type Server, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { listenOnSockets } from "../../src/http/listen.ts";

const host = "127.0.0.1";

async function listen(onConnection: (socket: Socket) => void, port = 0) {
  const server = createServer().on("connection", onConnection);
  const { address, others } = await listenOnSockets(server, host, port);
  const servers: readonly Server[] = [server, ...others];
  const close = () => Promise.all(servers.map(async (each) => each.listening && once(each.close(), "close")));
  onTestFinished(async () => void (await close()));
  return { address, others, close };
}

test.runIf(process.platform === "linux")("one turn of the event loop accepts several connections", async () => {
  let turn = 0;
  let isEnded = false;
  const accepted: number[] = [];
  const all = Promise.withResolvers<void>();
  const count = 100;
  const { address } = await listen((socket) => {
    accepted.push(turn);
    socket.destroy();
    if (accepted.length === count) all.resolve();
  });
  const tick = () => {
    turn += 1;
    if (!isEnded) setImmediate(tick);
  };
  const sockets = Array.from({ length: count }, () => connect(address.port, host).on("error", () => {}));
  // All are in the kernel's lines before the loop turns again.
  await new Promise((resolve) => void setImmediate(resolve));
  tick();
  await all.promise;
  isEnded = true;
  const most = Math.max(...Object.values(Object.groupBy(accepted, (each) => each)).map((each) => each?.length ?? 0));
  expect(most).toBeGreaterThan(1);
  for (const socket of sockets) socket.destroy();
});

test("a port in use by another server is EADDRINUSE", async () => {
  const taken = createServer();
  const { address } = await listen(() => {});
  await expect(listenOnSockets(taken, host, address.port)).rejects.toThrow(/EADDRINUSE/);
  expect(taken.listening).toBe(false);

  const single = createServer().listen(0, host);
  await once(single, "listening");
  await expect(listenOnSockets(taken, host, (single.address() as AddressInfo).port)).rejects.toThrow(/EADDRINUSE/);
  single.close();
});

test.each(["ENOTSUP", "ENOPROTOOPT", "EINVAL"])("a system without shared ports (%s) has one socket", async (code) => {
  const server = createServer();
  const real = server.listen.bind(server) as (options: ListenOptions, done: () => void) => Server;
  server.listen = ((options: ListenOptions, done: () => void) => {
    if (!options.reusePort) return real(options, done);
    process.nextTick(() => server.emit("error", Object.assign(new Error("setsockopt"), { code })));
    return server;
  }) as Server["listen"];
  onTestFinished(() => void server.close());
  const { address, others } = await listenOnSockets(server, host, 0);
  expect([others, server.address()]).toEqual([[], address]);
});

test("an address that this machine lacks is EADDRNOTAVAIL", async () => {
  await expect(listenOnSockets(createServer(), "192.0.2.1", 0)).rejects.toThrow(/EADDRNOTAVAIL/);
});

test("a port can be used again once it is free", async () => {
  const { address, close } = await listen(() => {});
  await close();
  const again = await listen(() => {}, address.port);
  expect(again.address.port).toBe(address.port);
});

test("secondary sockets read on after the client ended its side", async () => {
  const { address, others } = await listen((socket) => {
    socket.on("end", () => socket.end("answer")).resume();
  });
  expect(others.map((other) => (other.address() as AddressInfo).port)).toEqual(others.map(() => address.port));
  const answers = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const socket = connect({ port: address.port, host, allowHalfOpen: true });
      let text = "";
      socket.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
      socket.end("question");
      await once(socket, "close");
      return text;
    }),
  );
  expect(answers).toEqual(Array.from({ length: 40 }, () => "answer"));
});
