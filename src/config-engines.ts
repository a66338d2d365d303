import { basename, join } from "node:path";
import type { EngineAddress } from "./domain/engine-address.ts";
import type { Environment } from "./domain/environment.ts";

export interface EngineConfig {
  readonly name: string;
  /** Environment of what carries none, from `?env=`. */
  readonly env: Environment | null;
  readonly address: EngineAddress;
  /** Where restarts go instead, from `&control=`. */
  readonly control: EngineAddress | null;
}

const forms = "unix:///path, tcp://host:port or ssh://user@host[:port][/path]";
/** Options of an address, by its scheme. */
const options: Readonly<Record<string, readonly string[]>> = {
  "unix:": [],
  "tcp:": ["certs"],
  "ssh:": ["key", "known_hosts"],
};

/**
 * One entry of DOCKER_HOSTS: `[name=]` and an address: `unix:///path`, `tcp://host:port` with `?certs=DIR` (ca.pem, cert.pem, key.pem as the
 * docker CLI names them), or `ssh://user@host[:port][/path]` with `?key=FILE&known_hosts=FILE`. With `env=staging|production`, and with
 * `control=` and another address, percent-encoded where it has an `&`. Returns the engine or what is wrong with it.
 */
export function parseEngine(entry: string): EngineConfig | string {
  const named = /^([A-Za-z0-9][A-Za-z0-9_.-]*)=(.*)$/.exec(entry);
  const text = named?.[2] ?? entry;
  if (!URL.canParse(text)) return `"${entry}" is not [name=] and ${forms}`;
  const { searchParams } = new URL(text);
  const env = searchParams.get("env");
  if (env !== null && env !== "staging" && env !== "production") return `"${text}": env must be staging or production`;
  const address = parseAddress(text, ["env", "control"]);
  if (typeof address === "string") return address;
  const name = named?.[1] ?? toName(address);
  if (!/^[\w.:-]+$/.test(name)) return `"${text}": give this engine a name: name=unix://...`;
  const second = searchParams.get("control");
  const control = second === null ? null : parseAddress(second, []);
  return typeof control === "string" ? `control= ${control}` : { name, env, address, control };
}

function parseAddress(text: string, more: readonly string[]): EngineAddress | string {
  if (!URL.canParse(text)) return `"${text}" is not ${forms}`;
  const url = new URL(text);
  const known = options[url.protocol];
  if (!known) return `"${text}": unknown scheme (known: unix://, tcp://, ssh://)`;
  const unknown = [...url.searchParams.keys()].filter((key) => !known.includes(key) && !more.includes(key));
  if (unknown.length > 0) return `"${text}": unknown option ${unknown.join(", ")} (known: ${[...more, ...known].join(", ")})`;
  if (url.protocol === "unix:") return toUnix(url);
  return url.protocol === "tcp:" ? toTcp(url) : toSsh(url);
}

function toName(address: EngineAddress): string {
  if (address.kind !== "unix") return address.host;
  return address.socketPath === "/var/run/docker.sock" ? "local" : basename(address.socketPath, ".sock");
}

function toUnix(url: URL): EngineAddress | string {
  const socketPath = decodeURIComponent(url.pathname);
  if (url.hostname !== "" || socketPath.length < 2) return `"${url.href}": a Unix socket needs three slashes: unix:///path`;
  return { kind: "unix", socketPath };
}

function toTcp(url: URL): EngineAddress | string {
  if (url.hostname === "" || !["", "/"].includes(url.pathname)) return `"${url.href}" is not tcp://host:port`;
  if (url.username !== "" || url.password !== "") return "tcp:// takes no user name or password";
  const certs = url.searchParams.get("certs");
  if (certs === "") return `"${url.host}": certs needs a folder`;
  const tls = certs === null ? null : { ca: join(certs, "ca.pem"), cert: join(certs, "cert.pem"), key: join(certs, "key.pem") };
  return { kind: "tcp", host: toHost(url), port: Number(url.port || (tls ? 2376 : 2375)), tls };
}

function toSsh(url: URL): EngineAddress | string {
  if (url.password !== "") return "ssh:// takes no password: give a key";
  const [key, knownHosts] = [url.searchParams.get("key"), url.searchParams.get("known_hosts")];
  if (url.hostname === "" || url.username === "") return `"${url.host}" is not ssh://user@host[:port][/path]`;
  if (!key || !knownHosts) return `"ssh://${url.host}" needs ?key=FILE&known_hosts=FILE`;
  const socketPath = url.pathname.length > 1 ? decodeURIComponent(url.pathname) : "/var/run/docker.sock";
  const user = decodeURIComponent(url.username);
  return { kind: "ssh", host: toHost(url), port: Number(url.port || 22), user, key, knownHosts, socketPath };
}

function toHost(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}
