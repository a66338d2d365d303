import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EngineOptions } from "../../src/containers/docker/address.ts";
import type { EngineEvent } from "../../src/containers/docker/engine/events.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * An engine with programmable answers: for what a real one cannot be made to do, and to count
 * requests.
 */
export interface FakeEngine extends AsyncDisposable {
  readonly options: EngineOptions;
  /** "GET /v1.45/containers/json?all=1", with " +body" when there was one. In order. */
  readonly requests: string[];
  /** The same without the subscription to events. */
  readonly calls: string[];
  /** Sends an event to all subscribers. */
  emit(action: string, fullId: string, attributes?: Readonly<Record<string, string>>): void;
  /** Ends all subscriptions. */
  cut(): void;
  /** Replaces the answer of the paths that contain `part`. The last one counts. */
  on(part: string, handler: Handler): void;
}

export async function startFakeEngine(name = "fake"): Promise<FakeEngine> {
  const folder = mkdtempSync(join(tmpdir(), "ops-fake-"));
  const socketPath = join(folder, "docker.sock");
  const requests: string[] = [];
  const subscribers = new Set<ServerResponse>();
  const subscribe: Handler = (_, response) => {
    subscribers.add(response);
    response.once("close", () => subscribers.delete(response));
    response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
  };
  const handlers: (readonly [part: string, handler: Handler])[] = [
    ["/_ping", ping("1.47")],
    ["/events", subscribe],
  ];
  const server = createServer((request, response) => {
    let bytes = 0;
    request.on("data", (chunk: Buffer) => (bytes += chunk.length));
    request.on("end", () => {
      const url = request.url ?? "";
      requests.push(`${request.method} ${url}${bytes > 0 ? " +body" : ""}`);
      const found = handlers.findLast(([part]) => url.includes(part));
      if (found) found[1](request, response);
      else response.writeHead(404).end('{"message":"page not found"}');
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    options: { name, env: null, address: { kind: "unix", socketPath } },
    requests,
    get calls() {
      return requests.filter((request) => !request.includes("/events"));
    },
    emit(action, id, attributes) {
      for (const response of subscribers) response.write(eventLine(action, id, attributes));
    },
    cut() {
      for (const response of subscribers) response.destroy();
    },
    on: (part, handler) => void handlers.push([part, handler]),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** An event of a container, as it was read. */
export function engineEvent(action: string, id: string, change: Partial<EngineEvent> = {}): EngineEvent {
  return { action, detail: "", fullId: id, time: "2026-01-13T09:40:00.000000001Z", attributes: {}, ...change };
}

/** An event as the engine writes it. */
export function eventLine(action: string, id: string, attributes: Readonly<Record<string, string>> = {}): string {
  const event = {
    Type: "container",
    Action: action,
    Actor: { ID: id, Attributes: attributes },
    timeNano: Date.now() * 1e6,
  };
  return `${JSON.stringify(event)}\n`;
}

export function ping(version: string): Handler {
  return (_, response) => response.writeHead(200, { "api-version": version }).end("OK");
}

export function json(body: unknown, status = 200): Handler {
  return (_, response) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/** Accepts and never answers. */
export const hang: Handler = () => {};

export function fullId(digit: string): string {
  return digit.repeat(64);
}

export function listed(id: string, name: string, change: object = {}): object {
  const labels = { service: "wallet-core", role: "web" };
  return {
    Id: id,
    Names: [`/${name}`],
    Image: "x:1",
    Labels: labels,
    State: "running",
    Status: "Up",
    Created: 1_768_297_200,
    ...change,
  };
}

export function inspected(id: string, name: string, config: object = {}): object {
  const Config = {
    Image: "x:1",
    Hostname: "h-0123456789ab",
    Labels: { service: "wallet-core", role: "web" },
    Env: [],
    ...config,
  };
  const State = { Status: "running", StartedAt: "2026-01-13T09:40:10Z" };
  return { Id: id, Name: `/${name}`, Created: "2026-01-13T09:40:00Z", RestartCount: 2, State, Config };
}
