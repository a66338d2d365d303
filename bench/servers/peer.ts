import { hash, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { buildSchema } from "graphql";
import { createRequestId } from "../../src/http/exchange.ts";
import { apiHeaders } from "../../src/http/reply.ts";
import { createLogger } from "../../src/lib/logger.ts";
import { containers, reportTo, toBody, token } from "./sample.ts";

/**
 * What others make of the same rows, as their documentation shows it: `buffer` (node:http, a ready buffer), `hono` (REST by hand), `mercurius` (with jit), `yoga`
 * and `apollo` (POST /graphql). All compare the token as text, and do nothing else that the gateway does. `duties` is what any server pays for that: the ready
 * buffer with our headers, a digest of the token and a line of log, and for a POST its body as JSON.
 */
const kind = process.argv[2];
const authorization = `Bearer ${token}`;

const schema = () =>
  buildSchema(`type Container { shortId: String! name: String! role: String! status: String! health: Health! version: String! commitSha: String!
    restarts: Int host: String! createdAt: String! startedAt: String image: String! ports: [String!]! destination: String }
    enum Health { HEALTHY UNHEALTHY STARTING NONE UNKNOWN } type Query { containers(includeAccessories: Boolean!): [Container!] }`);
const rows = containers.map((container) => ({ ...container, shortId: container.id, health: container.health?.toUpperCase() }));
const root = { containers: () => rows };

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
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
  async duties() {
    const body = Buffer.from(JSON.stringify(toBody()));
    const logger = createLogger("info");
    const digest = Buffer.from(hash("sha256", authorization, "hex"));
    const own = ["Content-Type", "application/json; charset=utf-8", "Content-Length", String(body.length)];
    const more = ["X-Ops-Engines", '"local";age=0.1', "Vary", "Accept-Encoding", "ETag", `"${"0".repeat(27)}"`];
    return listen((request, response) => {
      const begin = performance.now();
      const { method, url: path } = request;
      const answer = () => {
        const given = Buffer.from(hash("sha256", request.headers.authorization ?? "", "hex"));
        if (!timingSafeEqual(given, digest)) {
          response.writeHead(401).end();
          return;
        }
        const request_id = createRequestId();
        response.writeHead(200, [...apiHeaders, "X-Request-Id", request_id, ...own, ...more]).end(body);
        const duration_ms = performance.now() - begin;
        const who = { subject: "default", kid: "default" };
        logger.info({ method, path, status: 200, duration_ms, bytes: body.length, request_id, ...who }, "request");
      };
      if (method !== "POST") {
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
    return new Promise((resolve) => serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => resolve(port)));
  },
  async mercurius() {
    const [{ fastify }, { mercurius }] = await Promise.all([import("fastify"), import("mercurius")]);
    const app = fastify();
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
