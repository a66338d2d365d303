import { OpsError } from "../lib/errors.ts";
import type { Endpoint } from "./endpoints.ts";

interface Match {
  readonly endpoint: Endpoint;
  /** The container's name, for the endpoints that have one. */
  readonly name?: string;
}

const containerPath = /^\/containers\/([^/]+)(\/[a-z-]+)?$/;
/** What Docker accepts as a container name. */
const containerName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/;

/**
 * The endpoint of an exact path; HEAD counts as GET. Throws not_found, method_not_allowed (with Allow), or container_not_found
 * for an impossible name.
 */
export function matchRoute(endpoints: readonly Endpoint[], method: string, path: string): Match {
  const parts = containerPath.exec(path);
  const template = parts ? `/containers/:name${parts[2] ?? ""}` : path;
  const candidates = template.includes(":") && !parts ? [] : endpoints.filter((endpoint) => endpoint.path === template);
  if (candidates.length === 0) throw new OpsError("not_found", "No such path");
  const endpoint = candidates.find((candidate) => candidate.method === (method === "HEAD" ? "GET" : method));
  if (!endpoint) {
    const allow = candidates
      .flatMap((candidate) => (candidate.method === "GET" ? ["GET", "HEAD"] : [candidate.method]))
      .join(", ");
    throw new OpsError("method_not_allowed", `Use ${allow}`, { headers: { allow } });
  }
  // A HEAD must not act.
  if (method === "HEAD" && endpoint.deprecated)
    throw new OpsError("method_not_allowed", "Use POST", { headers: { allow: "POST, GET" } });
  return parts ? { endpoint, name: decodeName(parts[1] ?? "") } : { endpoint };
}

function decodeName(text: string): string {
  let name = text;
  try {
    name = decodeURIComponent(text);
  } catch {
    // A broken escape is no name.
  }
  if (!containerName.test(name)) throw new OpsError("container_not_found", "No such container");
  return name;
}
