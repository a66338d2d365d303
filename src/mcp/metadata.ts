import type { PublicPage, PublicRequest } from "../http/surface.ts";

interface Issuer {
  readonly issuer: string;
  readonly audience: string;
}

/** Where the surface is. */
export const mcpPath = "/mcp";
const metadataPath = `/.well-known/oauth-protected-resource${mcpPath}`;

/**
 * The metadata of the protected resource (RFC 9728): where a client without a token gets one. It is
 * the same for everybody, and needs no token.
 */
export function createMetadataPage(issuer: Issuer): PublicPage {
  return {
    path: metadataPath,
    accepts: () => true,
    reply: ({ headers }) => ({
      status: 200,
      body: JSON.stringify({
        resource: toResource(issuer, headers),
        authorization_servers: [issuer.issuer],
        scopes_supported: ["ops:read", "ops:logs", "ops:operate"],
        bearer_methods_supported: ["header"],
        resource_name: "wallet-core-ops",
      }),
      route: metadataPath,
    }),
  };
}

/** The `WWW-Authenticate` of a 401: it names the metadata. */
export function toChallenge(issuer: Issuer, headers: PublicRequest["headers"]): string {
  return `Bearer resource_metadata="${new URL(metadataPath, toResource(issuer, headers)).href}"`;
}

/**
 * What tokens are for: the audience, which is checked (auth/jwt.ts), where it is an address; else
 * the address that the client used.
 */
function toResource({ audience }: Issuer, { host = "localhost" }: PublicRequest["headers"]): string {
  if (URL.parse(audience)?.protocol.startsWith("http")) return audience;
  // Of a name and a port alone: `URL` takes more, such as a quote, which would end the challenge's
  // parameter.
  const isHost = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d+)?$/i.test(host);
  if (!isHost) return `https://localhost${mcpPath}`;
  const isLoopback = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/.test(host);
  return URL.parse(`${isLoopback ? "http" : "https"}://${host}${mcpPath}`)?.href ?? `https://localhost${mcpPath}`;
}
