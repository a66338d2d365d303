import { hash, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import type { FastifyInstance } from "fastify";
import { buildSchema } from "graphql";
import { createRequestId } from "../../src/http/exchange.ts";
import { apiHeaders } from "../../src/http/reply.ts";
import { createLogger } from "../../src/lib/logger.ts";
import { containers, reportTo, toBody, token } from "./sample.ts";

/**
 * What others make of the same rows, as their documentation shows it: `buffer` (node:http, a ready
 * buffer), `hono` (REST by hand), `mercurius` (with jit), `yoga` and `apollo` (POST /graphql). All
 * compare the token as text, and do nothing else that the gateway does. `duties` is what any server
 * pays for that: the ready buffer with our headers, a digest of the token and a line of log, and
 * for a POST its body as JSON.
 */
const kind = process.argv[2];
const authorization = `Bearer ${token}`;

const schema = () =>
  buildSchema(`type Container { shortId: String! name: String! role: String! status: String! health: Health! version: String! commitSha: String!
    restarts: Int host: String! createdAt: String! startedAt: String image: String! ports: [String!]! destination: String }
    enum Health { HEALTHY UNHEALTHY STARTING NONE UNKNOWN } type Query { containers(includeAccessories: Boolean!): [Container!] }`);
const rows = containers.map((container) => ({
  ...container,
  shortId: container.id,
  health: container.health?.toUpperCase(),
}));
const root = { containers: () => rows };

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** What our gateway does for each request, whatever it answers. */
function createDuties() {
  const logger = createLogger("info");
  const digest = Buffer.from(hash("sha256", authorization, "hex"));
  const more = ["X-Ops-Engines", '"local";age=0.1', "Vary", "Accept-Encoding", "ETag", `"${"0".repeat(27)}"`];
  return {
    isAllowed: (given = "") => timingSafeEqual(Buffer.from(hash("sha256", given, "hex")), digest),
    headers: (requestId: string) => [...apiHeaders, "X-Request-Id", requestId, ...more],
    log({ method, url: path }: IncomingMessage, answered: { requestId: string; bytes: number; begin: number }) {
      const { requestId: request_id, bytes, begin } = answered;
      const duration_ms = performance.now() - begin;
      logger.info(
        { method, path, status: 200, duration_ms, bytes, request_id, subject: "default", kid: "default" },
        "request",
      );
    },
  };
}

/** With the hooks that fastify has for them. */
function addDuties(app: FastifyInstance): void {
  const duties = createDuties();
  app.addHook("onRequest", (request, reply, done) => {
    if (!duties.isAllowed(request.headers.authorization)) return void reply.code(401).send();
    const headers = duties.headers(createRequestId());
    for (let index = 0; index < headers.length; index += 2) reply.header(headers[index] ?? "", headers[index + 1]);
    return done();
  });
  app.addHook("onResponse", ({ raw }, reply, done) => {
    const requestId = String(reply.getHeader("x-request-id"));
    const bytes = Number(reply.getHeader("content-length"));
    duties.log(raw, { requestId, bytes, begin: performance.now() - reply.elapsedTime });
    done();
  });
}

const starts: Readonly<Record<string, () => Promise<number>>> = {
  async buffer() {
    // The parent may have chosen another body.
    const file = process.env["BODY"];
    const body = file ? readFileSync(file) : Buffer.from(JSON.stringify(toBody()));
    const headers = { "Content-Type": "application/json; charset=utf-8", "Content-Length": String(body.length) };
    return listen((request, response) => {
      if (request.headers.authorization !== authorization) response.writeHead(401).end();
      else response.writeHead(200, headers).end(body);
    });
  },
  async empty() {
    return listen((_request, response) => void response.writeHead(304).end());
  },
  async duties() {
    const body = Buffer.from(JSON.stringify(toBody()));
    const duties = createDuties();
    const own = ["Content-Type", "application/json; charset=utf-8", "Content-Length", String(body.length)];
    return listen((request, response) => {
      const begin = performance.now();
      const answer = () => {
        if (!duties.isAllowed(request.headers.authorization)) {
          response.writeHead(401).end();
          return;
        }
        const requestId = createRequestId();
        response.writeHead(200, [...duties.headers(requestId), ...own]).end(body);
        duties.log(request, { requestId, bytes: body.length, begin });
      };
      if (request.method !== "POST") {
        answer();
        return;
      }
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => void chunks.push(chunk));
      request.on("end", () => {
        JSON.parse(Buffer.concat(chunks).toString());
        answer();
      });
    });
  },
  async hono() {
    const [{ Hono }, { serve }] = await Promise.all([import("hono"), import("@hono/node-server")]);
    const app = new Hono();
    app.get("/api/v1/admin/ops/containers", (context) =>
      context.req.header("authorization") === authorization ? context.json(toBody()) : context.text("", 401),
    );
    return new Promise((resolve) =>
      serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => resolve(port)),
    );
  },
  async mercurius() {
    const [{ fastify }, { mercurius }] = await Promise.all([import("fastify"), import("mercurius")]);
    const app = fastify();
    if (process.argv[3] === "duties") addDuties(app);
    else
      app.addHook("onRequest", async (request, reply) => {
        if (request.headers.authorization !== authorization) await reply.code(401).send();
      });
    await app.register(mercurius, { schema: schema(), resolvers: { Query: root }, jit: 1 });
    await app.listen({ host: "127.0.0.1", port: 0 });
    return (app.server.address() as AddressInfo).port;
  },
  async yoga() {
    const { createYoga } = await import("graphql-yoga");
    const made = schema();
    const query = made.getQueryType()?.getFields()["containers"];
    if (query) query.resolve = root.containers;
    const yoga = createYoga({ schema: made, logging: false });
    return listen((request, response) => {
      if (request.headers.authorization !== authorization) response.writeHead(401).end();
      else void yoga(request, response);
    });
  },
  async apollo() {
    const [{ ApolloServer }, { startStandaloneServer }] = await Promise.all([
      import("@apollo/server"),
      import("@apollo/server/standalone"),
    ]);
    const made = schema();
    const query = made.getQueryType()?.getFields()["containers"];
    if (query) query.resolve = root.containers;
    const { url } = await startStandaloneServer(new ApolloServer({ schema: made }), {
      listen: { port: 0, host: "127.0.0.1" },
      context: async ({ req }) => {
        if (req.headers.authorization !== authorization) throw new Error("unauthorized");
        return {};
      },
    });
    return Number(new URL(url).port);
  },
};

const start = starts[kind ?? ""];
if (!start) throw new Error(`No such server: ${kind}`);
reportTo(await start());
