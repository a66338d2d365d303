import { createHash, timingSafeEqual } from "node:crypto";
import { type FastifyServerOptions, fastify } from "fastify";
import { reportTo, toBody, token } from "./sample.ts";

/**
 * The hand-written route: bare, or (`FULL=1`) with the gateway's duties: comparison of the token's
 * digest, one JSON log line, security headers and a request id.
 */
const full = process.env["FULL"] === "1";
const options: FastifyServerOptions = full ? { logger: true } : {};
const app = fastify(options);
const expected = createHash("sha256").update(token).digest();

if (full) {
  app.addHook("onRequest", async (request, reply) => {
    const given = request.headers.authorization?.slice("Bearer ".length) ?? "";
    if (!timingSafeEqual(createHash("sha256").update(given).digest(), expected)) await reply.code(401).send();
    void reply.headers({
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "x-request-id": request.id,
    });
  });
}

app.get("/api/v1/admin/ops/containers", async (_request, reply) => {
  return reply.type("application/json; charset=utf-8").send(JSON.stringify(toBody()));
});

await app.listen({ host: "127.0.0.1", port: 0 });
const address = app.server.address();
reportTo(typeof address === "object" && address ? address.port : 0);
