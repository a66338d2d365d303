import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createEngineClient, type EngineClient } from "../../../../src/containers/docker/http/client.ts";
import { connect } from "../../../../src/containers/docker/http/connect.ts";
import { readText } from "../../../../src/containers/docker/http/link.ts";
import { DeadlineError } from "../../../../src/lib/abort.ts";
import { fullId, hang, json, ping } from "../../../support/docker-fake.ts";

// Loading it takes longer than a deadline on a busy machine.
beforeAll(() => import("dockerode"));

const id = fullId("a");
const image = `sha256:${id}`;
const { signal } = new AbortController();
type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** An engine on a port of this machine: all that it was asked, with the bodies. */
async function start(host = "127.0.0.1") {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const state: { ping: Handler; answer: Handler; connections: number } = {
    ping: ping("1.47"),
    answer: json({ ok: true }),
    connections: 0,
  };
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const url = request.url ?? "";
      requests.push(`${request.method} ${url} ${Buffer.concat(chunks).toString()}`.trim());
      (url === "/_ping" ? state.ping : state.answer)(request, response);
    });
  });
  server.on("connection", (socket) => {
    state.connections++;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = { kind: "tcp", host, port: (server.address() as AddressInfo).port, tls: null } as const;
  return { requests, sockets, state, address };
}

function use(client: EngineClient): EngineClient {
  onTestFinished(() => client.close());
  return client;
}
const answerError = (message: string) => expect.objectContaining({ name: "AnswerError", message });

describe("each call", () => {
  it("is one request in the common version of both sides", async () => {
    const { requests, address, state } = await start();
    const client = use(createEngineClient(address));
    expect(await client.listContainers(signal)).toEqual({ ok: true });
    await client.listImages(signal);
    await client.inspectImage(image, signal);
    await client.call(id, "json", {}, signal);
    await client.call(id, "stats", { stream: "false" }, signal);
    await readText(await client.open(id, "logs", { tail: 5, since: "1.5" }, signal), 100);
    await readText(await client.openEvents({ filters: "{}" }, signal), 100);
    await client.exec("/exec/x/json", null, signal);
    await client.exec("/containers/x/exec", { Cmd: ["a"] }, signal);
    await readText(await client.openExec("x", signal), 100);
    state.answer = (_, response) => void response.writeHead(204).end();
    expect(await client.restart(id, { t: 7 }, signal)).toBe(204);
    expect(requests).toEqual([
      "GET /_ping",
      "GET /v1.45/containers/json?all=1",
      "GET /v1.45/images/json?filters=%7B%22label%22%3A%5B%22service%22%5D%7D",
      `GET /v1.45/images/${image}/json`,
      `GET /v1.45/containers/${id}/json`,
      `GET /v1.45/containers/${id}/stats?stream=false`,
      `GET /v1.45/containers/${id}/logs?tail=5&since=1.5`,
      "GET /v1.45/events?filters=%7B%7D",
      "GET /v1.45/exec/x/json",
      'POST /v1.45/containers/x/exec {"Cmd":["a"]}',
      'POST /v1.45/exec/x/start {"Detach":false,"Tty":false}',
      `POST /v1.45/containers/${id}/restart?t=7`,
    ]);
    expect(state.connections).toBe(1);
  });

  it("with an incomplete id is not sent", async () => {
    const { requests, address } = await start();
    const client = use(createEngineClient(address));
    const noContainer = new TypeError("Not a full container id");
    for (const bad of ["", id.slice(1), `${id}a`, `x${id}`, id.toUpperCase(), `${id}/../x`]) {
      await expect(client.call(bad, "json", {}, signal)).rejects.toThrow(noContainer);
      await expect(client.open(bad, "logs", {}, signal)).rejects.toThrow(noContainer);
      await expect(client.restart(bad, {}, signal)).rejects.toThrow(noContainer);
    }
    for (const bad of ["", id, `sha256:${id.slice(1)}`, `${image}a`, `x${image}`, `${image}/../x`]) {
      await expect(client.inspectImage(bad, signal)).rejects.toThrow(new TypeError("Not a full image id"));
    }
    expect(requests).toEqual([]);
  });

  it.each([200, 299])("with the status %i is a success", async (status) => {
    const { address, state } = await start();
    state.answer = json({}, status);
    expect(await use(createEngineClient(address)).call(id, "json", {}, signal)).toEqual({});
  });

  it.each([300, 301, 404, 500])("with the status %i fails with it", async (status) => {
    const { address, state } = await start();
    state.answer = json({ message: "client version" }, status);
    const failure = use(createEngineClient(address)).call(id, "json", {}, signal);
    await expect(failure).rejects.toThrow(expect.objectContaining({ name: "StatusError", status }));
    await expect(failure).rejects.toSatisfy((error: { says: (words: string) => boolean }) =>
      error.says("client version"),
    );
  });

  it("may have an answer of 4 MiB and no byte more", async () => {
    const { address, state } = await start();
    const client = use(createEngineClient(address));
    const most = 4 << 20;
    /** A list of strings: one alone may have a million characters. */
    const answerOf = (bytes: number) => {
      const full = `"${"x".repeat(900_000)}",`.repeat(4);
      return `[${full}"${"x".repeat(bytes - full.length - 4)}"]`;
    };
    state.answer = (_, response) => void response.end(answerOf(most));
    expect(JSON.stringify(await client.call(id, "json", {}, signal))).toBe(answerOf(most));
    expect(await client.restart(id, {}, signal)).toBe(200);
    state.answer = (_, response) => void response.end(answerOf(most + 1));
    const tooLarge = answerError("its answer is larger than 4 MiB");
    await expect(client.call(id, "json", {}, signal)).rejects.toThrow(tooLarge);
    await expect(client.listContainers(signal)).rejects.toThrow(tooLarge);
    await expect(client.restart(id, {}, signal)).rejects.toThrow(tooLarge);
    await expect(client.exec("/exec/x/json", null, signal)).rejects.toThrow(tooLarge);
  });
});

describe("the version", () => {
  it.each([
    ["1.41", "1.41"],
    ["1.44", "1.44"],
    ["1.45", "1.45"],
    ["1.46", "1.45"],
    ["1.100", "1.45"],
    ["2.0", "1.45"],
    ["2.50", "1.45"],
  ])("of an engine of %s is %s", async (theirs, version) => {
    const { address, state } = await start();
    state.ping = ping(theirs);
    expect(await use(createEngineClient(address)).negotiate(signal)).toBe(version);
  });

  it.each(["1.40", "1.9", "0.99"])("of an engine of %s is too old", async (theirs) => {
    const { address, state } = await start();
    state.ping = ping(theirs);
    await expect(use(createEngineClient(address)).negotiate(signal)).rejects.toThrow(
      answerError(`its API ${theirs} is older than 1.41 (Docker 20.10)`),
    );
  });

  it.each(["", "x", "1", "1.45.2", "v1.45", "1.x"])("%j is not one", async (theirs) => {
    const { address, state } = await start();
    state.ping = ping(theirs);
    await expect(use(createEngineClient(address)).negotiate(signal)).rejects.toThrow(
      answerError("no API version in the response to GET /_ping: is this a Docker-compatible engine?"),
    );
  });

  it("is asked for once, until it is forgotten; a ping asks each time", async () => {
    const { address, state, requests } = await start();
    const client = use(createEngineClient(address));
    expect([await client.negotiate(signal), await client.isPodman(signal)]).toEqual(["1.45", false]);
    state.ping = ping("1.42");
    expect(await client.negotiate(signal)).toBe("1.45");
    expect(requests).toHaveLength(1);
    client.forget();
    expect(await client.negotiate(signal)).toBe("1.42");
    state.ping = ping("1.43");
    expect(await client.ping(signal)).toBe("1.43");
    expect(await client.negotiate(signal)).toBe("1.43");
    expect([requests.length, state.connections]).toEqual([3, 2]);
  });
});

describe("a connection", () => {
  it("that is forgotten is closed at once, or after its call", async () => {
    const { address, state, sockets } = await start();
    const client = use(createEngineClient(address));
    await client.listContainers(signal);
    client.forget();
    await expect.poll(() => sockets.size).toBe(0);
    const arrived = Promise.withResolvers<() => void>();
    state.answer = (request, response) => arrived.resolve(() => json({ late: true })(request, response));
    const asked = client.listContainers(signal);
    const answer = await arrived.promise;
    client.forget();
    answer();
    expect(await asked).toEqual({ late: true });
    await expect.poll(() => sockets.size).toBe(0);
  });

  it("that is closed is not used any more", async () => {
    const { address, requests, sockets } = await start();
    const client = createEngineClient(address);
    await client.listContainers(signal);
    client.close();
    await expect(client.ping(signal)).rejects.toThrow(
      expect.objectContaining({ message: "Closed", code: "ECANCELED" }),
    );
    await expect.poll(() => sockets.size).toBe(0);
    expect(requests).toHaveLength(2);
  });

  it("to an IPv6 host leads there", async () => {
    const { address, requests } = await start("::1");
    await use(createEngineClient(address)).negotiate(signal);
    expect(requests).toEqual(["GET /_ping"]);
  });

  it("that cannot be opened is tried again by the next call", async () => {
    const missing = { ca: "/nonexistent/ca.pem", cert: "/nonexistent/cert.pem", key: "/nonexistent/key.pem" };
    const client = use(createEngineClient({ kind: "tcp", host: "127.0.0.1", port: 1, tls: missing }));
    for (let round = 0; round < 2; round++) {
      await expect(client.ping(signal)).rejects.toThrow(
        expect.objectContaining({
          message: "TLS files",
          code: "TLS_FILES",
          cause: expect.objectContaining({ code: "ENOENT" }),
        }),
      );
    }
    await expect(connect({ kind: "tcp", host: "127.0.0.1", port: 1, tls: missing })).rejects.toThrow("TLS files");
  });
});

describe("a call whose connection breaks", () => {
  const breakFirst = (state: { answer: Handler }, times: number) => {
    let left = times;
    state.answer = (request, response) => {
      if (left-- > 0) request.socket.destroy();
      else json({ ok: true })(request, response);
    };
  };

  it("is repeated once if it only reads", async () => {
    const { address, state, requests } = await start();
    const client = use(createEngineClient(address));
    breakFirst(state, 1);
    expect(await client.call(id, "json", {}, signal)).toEqual({ ok: true });
    expect(requests).toHaveLength(3);
    breakFirst(state, 2);
    await expect(client.call(id, "json", {}, signal)).rejects.toThrow(expect.objectContaining({ code: "ECONNRESET" }));
    expect(requests).toHaveLength(5);
  });

  it("is never repeated if it restarts", async () => {
    const { address, state, requests } = await start();
    const client = use(createEngineClient(address));
    breakFirst(state, 1);
    await expect(client.restart(id, {}, signal)).rejects.toThrow(expect.objectContaining({ code: "ECONNRESET" }));
    expect(requests).toHaveLength(2);
  });

  it("is not repeated for a caller that has left", async () => {
    const { address, state, requests } = await start();
    const client = use(createEngineClient(address));
    const abort = new AbortController();
    state.answer = () => abort.abort();
    await expect(client.call(id, "json", {}, abort.signal)).rejects.toThrow(
      expect.objectContaining({ name: "AbortError" }),
    );
    expect(requests).toHaveLength(2);
  });
});

it("restarts and execs use their own address, all else does not", async () => {
  const [reads, writes] = [await start(), await start()];
  const client = use(createEngineClient(reads.address, writes.address));
  await client.listContainers(signal);
  await client.restart(id, {}, signal);
  await client.exec("/exec/x/json", null, signal);
  await readText(await client.openExec("x", signal), 100);
  expect(reads.requests).toEqual(["GET /_ping", "GET /v1.45/containers/json?all=1"]);
  expect(writes.requests).toEqual([
    "GET /_ping",
    `POST /v1.45/containers/${id}/restart`,
    "GET /v1.45/exec/x/json",
    'POST /v1.45/exec/x/start {"Detach":false,"Tty":false}',
  ]);
  const [tcp, own] = [reads.address, { kind: "unix", socketPath: "/run/own.sock" } as const];
  const socketOf = (...to: Parameters<typeof createEngineClient>) => use(createEngineClient(...to)).controlSocket;
  expect([socketOf(own), socketOf(own, tcp), socketOf(tcp, own)]).toEqual(["/run/own.sock", null, "/run/own.sock"]);
  client.forget();
  await client.restart(id, {}, signal);
  expect(writes.requests.slice(4)).toEqual(["GET /_ping", `POST /v1.45/containers/${id}/restart`]);
  client.close();
  await expect(client.restart(id, {}, signal)).rejects.toThrow("Closed");
  await expect.poll(() => [reads.sockets.size, writes.sockets.size]).toEqual([0, 0]);
});

describe("the report of calls", () => {
  async function observe(answer: Handler, ask: (client: EngineClient) => Promise<unknown>) {
    const { address, state } = await start();
    state.answer = answer;
    const seen: [string, string | null][] = [];
    const observer = (upstream: string, _: number, code: string | null) => void seen.push([upstream, code]);
    await ask(use(createEngineClient(address, address, observer))).catch(() => {});
    return seen;
  }
  const read = (client: EngineClient) => client.call(id, "json", {}, signal);

  it.each<[string, Handler, (client: EngineClient) => Promise<unknown>, string | null]>([
    ["a success", json({}), read, null],
    ["a restart", json({}), (client) => client.restart(id, {}, signal), null],
    ["a container that is gone", json({}, 404), read, null],
    ["a refusal", json({}, 403), read, "docker_forbidden"],
    ["a failure", json({}, 500), read, "docker_error"],
  ])("of %s has the ping and the call", async (_, answer, ask, code) => {
    expect(await observe(answer, ask)).toEqual([
      ["docker", null],
      ["docker", code],
    ]);
  });

  it("has no cancelled call, unless its deadline ended it", async () => {
    const giveUp = (reason?: unknown) => (client: EngineClient) => {
      const aborting = new AbortController();
      const asked = client.call(id, "json", {}, aborting.signal);
      setTimeout(() => aborting.abort(reason), 100);
      return asked;
    };
    expect(await observe(hang, giveUp())).toEqual([["docker", null]]);
    expect(await observe(hang, giveUp(new DeadlineError(100)))).toEqual([
      ["docker", null],
      ["docker", "docker_timeout"],
    ]);
  });
});
