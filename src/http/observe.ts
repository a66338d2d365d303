import type { Exchange } from "./exchange.ts";
import type { LoggedAnswer } from "./request-log.ts";

/**
 * Told of each request that was answered: the template of its path, or where its surface is mounted (undefined: no path of ours, or no token); its status,
 * 499 for a client that went away; and how long it took, null for an answer without an end.
 */
export type ObserveRequest = (answered: {
  readonly method: string;
  readonly route: string | undefined;
  readonly status: number;
  readonly seconds: number | null;
}) => void;

/** Tells of one request, as its log line does. */
export function observeRequest(observe: ObserveRequest, exchange: Exchange, { status, route }: LoggedAnswer): void {
  const { logged, mount, isHead, method, isAborted, isStream, startedAt } = exchange;
  observe({
    method: isHead ? "HEAD" : method,
    route: logged?.route ?? toTemplate(mount, route),
    status: isAborted ? 499 : status,
    seconds: isStream ? null : (performance.now() - startedAt) / 1000,
  });
}

/** A surface names its routes from where it is mounted on. */
function toTemplate(mount: string | undefined, route: string | undefined): string | undefined {
  if (route === undefined || mount === undefined || route.startsWith(mount)) return route ?? mount;
  return mount + route;
}
