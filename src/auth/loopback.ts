import { environments } from "../lib/environment.ts";
import type { Authenticator } from "./authenticator.ts";
import type { Principal } from "./principal.ts";

const reader: Principal = {
  subject: "loopback",
  kid: "loopback",
  auth: "token",
  scopes: new Set(["ops:read"]),
  environments: new Set(environments),
};

/**
 * For a listener that only this machine reaches: every caller may read, and do nothing else.
 * Refuses a request that names another host: a foreign name may have led a browser on this machine
 * here (DNS rebinding).
 */
export const loopbackAuthenticator: Pick<Authenticator, "authenticate"> = {
  authenticate: (_authorization, rawHeaders) => {
    const hosts = rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === "host");
    return hosts.length === 1 && isLoopback(hosts[0] ?? "") ? reader : null;
  },
};

function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i.test(host);
}
