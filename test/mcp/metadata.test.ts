import { expect, it } from "vitest";
import { createMetadataPage, toChallenge } from "../../src/mcp/metadata.ts";

const issuer = { issuer: "https://id.example", audience: "https://ops.example/mcp" };
const page = (audience: string, headers = {}) => {
  const own = createMetadataPage({ ...issuer, audience });
  const { path } = own;
  const request = { path, query: "", headers, body: async () => Buffer.alloc(0) };
  const { body, status } = own.reply(request) as { body: string; status: number };
  return { path, status, accepts: own.accepts(request), ...JSON.parse(body) };
};

it("the metadata of RFC 9728 name the issuer and what tokens are for", () => {
  expect(page(issuer.audience, { host: "evil.example" })).toEqual({
    path: "/.well-known/oauth-protected-resource/mcp",
    status: 200,
    accepts: true,
    resource: "https://ops.example/mcp",
    authorization_servers: ["https://id.example"],
    scopes_supported: ["ops:read", "ops:logs", "ops:operate"],
    bearer_methods_supported: ["header"],
    resource_name: "wallet-core-ops",
  });
});

it.each([
  ["ops.example", "https://ops.example/mcp"],
  ["127.0.0.1:4000", "http://127.0.0.1:4000/mcp"],
  ["[::1]:4000", "http://[::1]:4000/mcp"],
  ["localhost.evil", "https://localhost.evil/mcp"],
  ['"><script>', "https://localhost/mcp"],
  ['ops", error="x', "https://localhost/mcp"],
  ['o"ps.example', "https://localhost/mcp"],
  ["user@ops.example/x?y#", "https://localhost/mcp"],
  [undefined, "http://localhost/mcp"],
])("for an audience that is no address the resource is where %j was asked", (host, resource) => {
  expect(page("wallet-core-ops", { host }).resource).toBe(resource);
});

it("the challenge names the metadata", () => {
  expect(toChallenge(issuer, {})).toBe(
    'Bearer resource_metadata="https://ops.example/.well-known/oauth-protected-resource/mcp"',
  );
  expect(toChallenge({ ...issuer, audience: "ops" }, { host: "127.0.0.1:9" })).toBe(
    'Bearer resource_metadata="http://127.0.0.1:9/.well-known/oauth-protected-resource/mcp"',
  );
});
