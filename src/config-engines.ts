import { basename, join } from "node:path";

/** Where one Docker-compatible engine listens. TLS files are paths, read at connect, so that they can be renewed. */
type EngineAddress =
  | { readonly kind: "unix"; readonly socketPath: string }
  | {
      readonly kind: "tcp";
      readonly host: string;
      readonly port: number;
      readonly tls: { readonly ca: string; readonly cert: string; readonly key: string } | null;
    };

export interface EngineConfig {
  readonly name: string;
  /** Environment of what carries none, from `?env=`. */
  readonly env: "staging" | "production" | null;
  readonly address: EngineAddress;
}

/**
 * One entry of DOCKER_HOSTS: `[name=]unix:///path` or `[name=]tcp://host:port`, with `?env=staging|production` and, for tcp,
 * `&certs=DIR` (ca.pem, cert.pem, key.pem as the docker CLI names them). Returns the engine or what is wrong with it.
 */
export function parseEngine(entry: string): EngineConfig | string {
  const named = /^([A-Za-z0-9][A-Za-z0-9_.-]*)=(.*)$/.exec(entry);
  const address = named?.[2] ?? entry;
  if (!URL.canParse(address)) return `"${entry}" is not [name=]unix:///path or [name=]tcp://host:port`;
  const url = new URL(address);
  const unknown = [...url.searchParams.keys()].filter((key) => key !== "env" && key !== "certs");
  if (unknown.length > 0) return `"${address}": unknown option ${unknown.join(", ")} (known: env, certs)`;
  const env = url.searchParams.get("env");
  if (env !== null && env !== "staging" && env !== "production") return `"${address}": env must be staging or production`;
  if (url.protocol === "unix:") return toUnixEngine(named?.[1], url, env);
  if (url.protocol === "tcp:") return toTcpEngine(named?.[1], url, env);
  if (url.protocol === "ssh:") {
    return `"${address}": ssh:// engines are not supported yet; forward the socket (ssh -NL /run/ops/web-1.sock:/var/run/docker.sock) and use unix://`;
  }
  return `"${address}": unknown scheme (known: unix://, tcp://)`;
}

function toUnixEngine(name: string | undefined, url: URL, env: EngineConfig["env"]): EngineConfig | string {
  const socketPath = decodeURIComponent(url.pathname);
  if (url.hostname !== "" || socketPath.length < 2) return `"${url.href}": a Unix socket needs three slashes: unix:///path`;
  if (url.searchParams.has("certs")) return `"${url.href}": certs is for tcp:// only`;
  const fallback = socketPath === "/var/run/docker.sock" ? "local" : basename(socketPath, ".sock");
  if (!name && !/^[\w.-]+$/.test(fallback)) return `"${url.href}": give this engine a name: name=unix://...`;
  return { name: name ?? fallback, env, address: { kind: "unix", socketPath } };
}

function toTcpEngine(name: string | undefined, url: URL, env: EngineConfig["env"]): EngineConfig | string {
  if (url.hostname === "" || !["", "/"].includes(url.pathname)) return `"${url.href}" is not tcp://host:port`;
  if (url.username !== "" || url.password !== "") return "tcp:// takes no user name or password";
  const certs = url.searchParams.get("certs");
  if (certs === "") return `"${url.host}": certs needs a folder`;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const tls = certs === null ? null : { ca: join(certs, "ca.pem"), cert: join(certs, "cert.pem"), key: join(certs, "key.pem") };
  return { name: name ?? host, env, address: { kind: "tcp", host, port: Number(url.port || (tls ? 2376 : 2375)), tls } };
}
