import type { EdgeReply, PublicPage } from "./surface.ts";

const alive: EdgeReply = { status: 200, body: '{"status":"ok"}', route: "/healthz" };
const ready: EdgeReply = { status: 200, body: '{"status":"ready"}', route: "/readyz" };
const notReady: EdgeReply = { status: 503, headers: { "Retry-After": "5" }, body: '{"status":"not_ready"}', route: "/readyz" };

/**
 * `/healthz`: the process answers. `/readyz`: our own state, 503 while draining. Neither asks an upstream: one dead
 * Prometheus must not take the gateway out of rotation. Source: security.md 4.3.
 */
export function createHealthPages(isReady: () => boolean): PublicPage[] {
  return [
    { path: "/healthz", unlimited: true, accepts: () => true, reply: () => alive },
    { path: "/readyz", unlimited: true, accepts: () => true, reply: () => (isReady() ? ready : notReady) },
  ];
}
