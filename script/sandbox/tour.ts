import type { SandboxGateway } from "./gateway.ts";

/** The part that an endpoint needs; without it, 404 or 503 is the documented answer. */
type Need = "docker" | "queues" | "hosts" | "deploy" | "console" | null;

/** One call of the tour. */
export interface Stop {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly needs: Need;
  /** Media type to ask for, as a browser does when it navigates. */
  readonly accept?: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

const base = "/api/v1/admin/ops";
const query = `{
  containers(includeAccessories: true) { name role status health stats { cpuPct memPct } hostMetrics { cpuUtil } deploy { commitSha } }
  queues { name depth processedPerSec failuresLastHour }
  hosts { name cpuUtil memUtil alert }
  deployInfo { currentTag deployedBy }
  deploys(first: 2) { nodes { tag state verdict { outcome } } }
}`;

function get(path: string, needs: Need): Stop {
  return { method: "GET", path, needs };
}

/**
 * Every documented endpoint, what Prometheus and Grafana ask, and the console, with the container
 * that the container endpoints are shown on.
 */
export function tourStops(container: string): readonly Stop[] {
  const one = `${base}/containers/${encodeURIComponent(container)}`;
  return [
    get("/healthz", null),
    get("/readyz", null),
    get(`${base}/containers`, "docker"),
    get(`${base}/containers?env=staging&include_accessories=true&include_stats=true`, "docker"),
    get(one, "docker"),
    get(`${one}/logs?tail=5`, "docker"),
    get(`${one}/health-check`, "docker"),
    { method: "POST", path: `${one}/restart`, needs: "docker" },
    get(`${base}/queues`, "queues"),
    get(`${base}/hosts`, "hosts"),
    get(`${base}/deploy-info`, "deploy"),
    get(`${base}/openapi.json`, null),
    { method: "POST", path: "/graphql", needs: null, body: { query } },
    get("/metrics", null),
    { method: "GET", path: "/", needs: "console", accept: "text/html" },
    { method: "POST", path: "/grafana/query", needs: null, body: { targets: [{ refId: "A", target: "deploys" }] } },
  ];
}

/** The call as a line for a shell. */
export function toCurl(stop: Stop, { url, token }: Pick<SandboxGateway, "url" | "token">): string {
  const post = stop.method === "POST" ? " -X POST" : "";
  const accept = stop.accept ? ` -H 'Accept: ${stop.accept}'` : "";
  const body = stop.body
    ? ` -H 'Content-Type: application/json' -d '${JSON.stringify(stop.body)
        .replaceAll(String.raw`\n`, " ")
        .replaceAll(/ +/g, " ")}'`
    : "";
  return `curl -sS${post} -H 'Authorization: Bearer ${token}'${accept}${body} '${url}${stop.path}'`;
}

/** Calls it; `ok` when the status is the documented one for the parts that are there. */
export async function callStop(
  stop: Stop,
  { url, token }: Pick<SandboxGateway, "url" | "token">,
  missing: ReadonlySet<string>,
): Promise<{ ok: boolean; status: number; text: string; ms: number }> {
  const start = performance.now();
  const response = await fetch(url + stop.path, {
    method: stop.method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(stop.accept ? { accept: stop.accept } : {}),
      ...(stop.body ? { "content-type": "application/json" } : {}),
    },
    body: stop.body ? JSON.stringify(stop.body) : null,
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  const absent = stop.needs !== null && missing.has(stop.needs);
  const graphqlErrors = stop.path === "/graphql" && missing.size === 0 && text.includes('"errors"');
  const ok = (absent ? response.status === 404 || response.status === 503 : response.status === 200) && !graphqlErrors;
  return {
    ok: ok || (stop.path === "/readyz" && missing.size > 0),
    status: response.status,
    text,
    ms: performance.now() - start,
  };
}
