import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { expect, it } from "vitest";
import { startGateway } from "../support/gateway.ts";
import { connectMcp, generations } from "../support/mcp.ts";
import { createMemorySources } from "../support/memory-sources.ts";

const issuer = "https://id.example/";
const audience = "https://ops.example/mcp";

/** An issuer of tokens, whose keys are at `jwksUrl`. */
async function startIssuer() {
  const pair = await generateKeyPair("ES256", { extractable: true });
  const keys = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: "k1", alg: "ES256" }] });
  const server = createServer((_request, response) =>
    response.writeHead(200, { "content-type": "application/json" }).end(keys),
  ).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    jwksUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`,
    sign: (aud: string) =>
      new SignJWT({ scope: "ops:read", ops_environments: ["staging"] })
        .setProtectedHeader({ alg: "ES256", kid: "k1", typ: "at+jwt" })
        .setSubject("night-shift")
        .setIssuer(issuer)
        .setAudience(aud)
        .setIssuedAt()
        .setExpirationTime("5m")
        .sign(pair.privateKey),
    [Symbol.dispose]: () => void server.close(),
  };
}

it.each(generations)("a token opens /mcp to a client of %s only where it is for it", async (generation) => {
  using keys = await startIssuer();
  const { jwksUrl, sign } = keys;
  await using gateway = await startGateway(createMemorySources().sources, {
    jwt: { jwksUrl, issuer, audience },
    mcp: { actions: true, issuer: { issuer, audience } },
  });
  await using client = await connectMcp(gateway.url, generation, await sign(audience));
  expect((await client.list()).map(({ name }) => name)).toContain("problems");
  expect((await client.list()).map(({ name }) => name)).not.toContain("restart");

  const authorization = `Bearer ${await sign("https://other.example/mcp")}`;
  const refused = await gateway.fetch("/mcp", { method: "POST", body: "{}", headers: { authorization } });
  expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([
    401,
    expect.stringContaining('resource_metadata="https://ops.example/.well-known/oauth-protected-resource/mcp"'),
  ]);
});
