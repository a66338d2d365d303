import { type Authenticator, countHeader } from "../auth/authenticator.ts";
import type { Principal } from "../auth/principal.ts";
import type { Throttle } from "../auth/throttle.ts";
import { type ErrorCode, OpsError } from "../lib/errors.ts";
import { toNetwork, toSite } from "../lib/network.ts";
import type { Admission } from "./admission.ts";
import type { Exchange } from "./exchange.ts";
import { createErrorReply, wantsProblem } from "./reply.ts";
import type { EdgeReply, PublicPage, Surface } from "./surface.ts";

export type Outcome = EdgeReply | null | Promise<EdgeReply | null>;

interface RouterOptions {
  readonly surfaces: readonly Surface[];
  readonly publicPages: readonly PublicPage[];
  readonly authenticator: Pick<Authenticator, "authenticate">;
  /** Places of requests with a token. */
  readonly admission: Admission;
  /** Places of public pages, and of those that are large. */
  readonly publicAdmission: Admission;
  readonly largeAdmission: Admission;
  readonly failedAuth: Throttle;
  /**
   * Counts the connection of a request for its client: called once the token is accepted or
   * refused, or turns out not to be needed.
   */
  readonly charge: (exchange: Exchange) => void;
}

const methods = "GET, HEAD, POST, OPTIONS";

/**
 * Routes a request. The order is the policy: the listed public pages, then the token, and only then
 * anything that reads the path, the method or the body. A path without a surface is 404. Throws
 * OpsError, also through the promise.
 */
export function createRouter(options: RouterOptions): (exchange: Exchange) => Outcome {
  const { surfaces, authenticator, admission, publicAdmission, largeAdmission, failedAuth, charge } = options;
  const toPages = (method: "GET" | "POST") =>
    new Map(options.publicPages.filter((page) => (page.method ?? "GET") === method).map((page) => [page.path, page]));
  const [pages, posts] = [toPages("GET"), toPages("POST")];

  const refuse = (exchange: Exchange): EdgeReply => {
    const waitS = failedAuth.hit(toNetwork(exchange.ip ?? ""));
    const problem = wantsProblem(exchange.headers.accept);
    const challenge = surfaces.find((surface) => owns(surface, exchange.path))?.challenge?.(exchange.headers);
    const headers = challenge === undefined ? {} : { "WWW-Authenticate": challenge };
    if (waitS === 0) return createErrorReply(new OpsError("unauthorized", ""), exchange.requestId, problem, headers);
    const error = new OpsError("rate_limited", "Too many failed authentications from this network");
    return createErrorReply(error, exchange.requestId, problem, { "Retry-After": String(waitS) });
  };

  const enter = (exchange: Exchange, surface: Surface): Outcome => {
    const { caller } = exchange;
    if (!admission.enter(exchange.principal.scopes.has("ops:operate"), caller)) {
      return wait(exchange, admission, caller, () => handle(exchange, surface));
    }
    exchange.take(admission, caller);
    return handle(exchange, surface);
  };

  const show = (exchange: Exchange, page: PublicPage): Outcome => {
    if (page.unlimited || page.ownLimits) return page.reply(exchange);
    exchange.isPublic = true;
    const network = toNetwork(exchange.ip ?? "");
    const holder = toSite(network);
    const places = page.isLarge ? largeAdmission : publicAdmission;
    if (!places.enter(false, holder)) return wait(exchange, places, holder, () => page.reply(exchange), network);
    exchange.take(places, holder);
    return exchange.isAborted ? null : page.reply(exchange);
  };

  const routeFor = (exchange: Exchange, principal: Principal | null): Outcome => {
    if (principal) exchange.principal = principal;
    charge(exchange);
    if (!principal) return refuse(exchange);
    const { method, path, req } = exchange;
    const fault = findTargetFault(path);
    if (fault === "invalid_request") throw new OpsError(fault, "The request target is not a plain path");
    if (req.headers.host === undefined && req.httpVersion === "1.1")
      throw new OpsError("invalid_request", "Host is missing");
    if (method !== "GET" && method !== "POST" && method !== "OPTIONS") return notAllowed(exchange, methods);
    if (fault === null) {
      for (const surface of surfaces) {
        if (!owns(surface, path)) continue;
        exchange.mount = surface.prefix;
        if (method === "OPTIONS") return { status: 204, headers: { Allow: methods }, body: "" };
        return enter(exchange, surface);
      }
      // A GET gets here where the page is only for browsers: others do not see it.
      if (method !== "GET" && pages.has(path))
        return notAllowed(exchange, posts.has(path) ? "GET, HEAD, POST" : "GET, HEAD");
    }
    throw new OpsError("not_found", "There is nothing at this path");
  };

  return (exchange) => {
    // A proxy may have used the other one (RFC 9112, section 3.2): not even a public page answers.
    if (countHeader(exchange.req.rawHeaders, "host") > 1)
      throw new OpsError("invalid_request", "Host is given more than once");
    const { method } = exchange;
    const page = method === "GET" ? pages.get(exchange.path) : method === "POST" ? posts.get(exchange.path) : undefined;
    if (page?.accepts(exchange)) {
      charge(exchange);
      return show(exchange, page);
    }
    const principal = authenticator.authenticate(exchange.headers.authorization, exchange.req.rawHeaders, exchange.ip);
    if (principal instanceof Promise) return principal.then((proven) => routeFor(exchange, proven));
    return routeFor(exchange, principal);
  };
}

function handle(exchange: Exchange, surface: Surface): Outcome {
  if (exchange.isAborted) return null;
  // Only now may the client send its body. Other expectations are refused earlier.
  if (exchange.headers.expect !== undefined) exchange.res.writeContinue();
  return surface.handle(exchange);
}

/**
 * Runs `run` once the holder has a place, in turn by the holder's parts. Rejects with overloaded.
 */
async function wait(
  exchange: Exchange,
  places: Admission,
  holder: string,
  run: () => Outcome,
  part?: string,
): Promise<EdgeReply | null> {
  if (!(await places.wait(holder, part))) throw new OpsError("overloaded", "Too many requests at once");
  exchange.take(places, holder);
  return exchange.isAborted ? null : run();
}

function owns({ prefix, subtree }: Surface, path: string): boolean {
  if (path.length === prefix.length) return path === prefix;
  return subtree && path.charCodeAt(prefix.length) === 47 && path.startsWith(prefix);
}

function notAllowed(exchange: Exchange, allow: string): EdgeReply {
  const error = new OpsError("method_not_allowed", `Allowed here: ${allow}`);
  return createErrorReply(error, exchange.requestId, wantsProblem(exchange.headers.accept), { Allow: allow });
}

const toPage = (path: string, reply: (route: string) => EdgeReply): PublicPage => ({
  path,
  unlimited: true,
  accepts: () => true,
  reply: () => reply(path),
});
const alive = (route: string): EdgeReply => ({ status: 200, body: '{"status":"ok"}', route });
const ready = (route: string): EdgeReply => ({ status: 200, body: '{"status":"ready"}', route });
const notReady = (route: string): EdgeReply => ({
  status: 503,
  headers: { "Retry-After": "5" },
  body: '{"status":"not_ready"}',
  route,
});

/** Our own state: whether the process is stopping, and whether it could act now. */
export interface Readiness {
  readonly isDraining: () => boolean;
  readonly canAct: () => boolean;
}

/**
 * `/healthz`: the process answers. `/readyz/reads`: it is not stopping. `/readyz`: and it could
 * act. None of them calls an upstream: a dead Prometheus must not take the gateway out of rotation.
 */
export function createHealthPages({ isDraining, canAct }: Readiness): readonly PublicPage[] {
  return [
    toPage("/healthz", alive),
    toPage("/readyz", (route) => (isDraining() || !canAct() ? notReady(route) : ready(route))),
    toPage("/readyz/reads", (route) => (isDraining() ? notReady(route) : ready(route))),
  ];
}

/** RFC 3986 path characters and well-formed percent-encoding, starting with a slash. */
const originForm = /^\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/\\]|%[0-9A-Fa-f]{2})*$/;
const evasion = /\/\/|\\|%(?:2[fF]|5[cC]|00)|\/(?:\.|%2[eE]){1,2}(?:\/|$)/;

/**
 * The fault of a request path; null without one. `invalid_request`: not a path (absolute-form, `*`,
 * broken percent-encoding, raw bytes). `not_found`: a path that another program might read
 * differently: dot segments, encoded slashes, backslashes, NUL, empty segments. We do not normalise
 * paths; such a path names nothing here.
 */
export function findTargetFault(path: string): Extract<ErrorCode, "invalid_request" | "not_found"> | null {
  if (!originForm.test(path)) return "invalid_request";
  return evasion.test(path) ? "not_found" : null;
}
