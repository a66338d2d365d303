import { basename, join } from "node:path";
import type { EngineAddress } from "../containers/docker/address.ts";
import { type Environment, parseEnvironment } from "../lib/environment.ts";

export interface EngineConfig {
  readonly name: string;
  /** Environment of containers that name none, from `?env=`. */
  readonly env: Environment | null;
  readonly address: EngineAddress;
  /** Where restarts are sent instead, from `&control=`. */
  readonly control: EngineAddress | null;
}

const forms = "unix:///path, tcp://host:port or ssh://user@host[:port][/path]";
/** Options of an address, by its scheme. */
const options: Readonly<Record<string, readonly string[]>> = {
  "unix:": [],
  "tcp:": ["certs"],
  "ssh:": ["key", "known_hosts"],
};

/** An entry of the list as written. */
interface Entry {
  readonly name: string | undefined;
  readonly text: string;
  /** Its name in messages. */
  readonly label: string;
}

/**
 * Parses the comma list of DOCKER_HOSTS. An entry is `[name=]` and an address: `unix:///path`,
 * `tcp://host:port` with `?certs=DIR` (ca.pem, cert.pem, key.pem as the docker CLI names them), or
 * `ssh://user@host[:port][/path]` with `?key=FILE&known_hosts=FILE`. Optional:
 * `env=staging|production`, and `control=` with another address, percent-encoded if it has an `&`.
 * Problems name their entry and quote no part of a password.
 */
export function parseEngines(list: string): {
  readonly engines: readonly EngineConfig[];
  readonly problems: readonly string[];
} {
  const engines: EngineConfig[] = [];
  const problems: string[] = [];
  for (const entry of splitList(list)) {
    const engine = parseEngine(entry);
    if (typeof engine === "string") problems.push(`${entry.label}: ${engine}`);
    else if (engines.some(({ name }) => name === engine.name)) {
      problems.push(`${entry.label}: another engine has this name; give names with name=unix://...`);
    } else engines.push(engine);
  }
  if (engines.length === 0 && problems.length === 0) problems.push("names no engine");
  return { engines, problems };
}

function splitList(list: string): Entry[] {
  const entries = list.split(",").map((part) => {
    const entry = part.trim();
    const named = /^([A-Za-z0-9][A-Za-z0-9_.-]*)=(.*)$/s.exec(entry);
    return { entry, name: named?.[1], text: named?.[2] ?? entry };
  });
  // A password with a comma, or with an @ and a slash, may have been split into entries, hosts and
  // paths: then no entry is shown.
  const isSafe = entries.every(({ entry, text }) => entry === "" || isPlainAddress(text));
  return entries.flatMap(({ entry, name, text }, index) => {
    if (entry === "") return [];
    return { name, text, label: `entry ${index + 1}${isSafe ? ` (${describe(name, new URL(text))})` : ""}` };
  });
}

/** Name and address, without userinfo and options. */
function describe(name: string | undefined, { protocol, host, pathname }: URL): string {
  return `${name === undefined ? "" : `${name}=`}${protocol}//${host}${protocol === "unix:" ? pathname : ""}`;
}

/**
 * Whether the only `@` ends the userinfo: a later one means that a password has a `/`, `?` or `#`.
 */
function isPlainAddress(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && Object.hasOwn(options, url.protocol) && !(url.pathname + url.search + url.hash).includes("@");
}

function parseEngine({ name, text }: Entry): EngineConfig | string {
  const parsed = parseOptions(text);
  if (typeof parsed === "string") return parsed;
  const known = name ?? toName(parsed.address);
  return /^[\w.:-]+$/.test(known) ? { name: known, ...parsed } : "give this engine a name: name=unix://...";
}

function parseOptions(text: string): Omit<EngineConfig, "name"> | string {
  const address = parseAddress(text, ["env", "control"]);
  if (typeof address === "string") return address;
  const { searchParams } = new URL(text);
  const written = searchParams.get("env");
  const env = written === null ? null : parseEnvironment(written);
  if (written !== null && env === null) return "env must be staging or production";
  const second = searchParams.get("control");
  const control = second === null ? null : parseAddress(second, []);
  return typeof control === "string" ? `control= ${control}` : { env, address, control };
}

/** The returned problems quote nothing: what looks like an option may be part of a password. */
function parseAddress(text: string, more: readonly string[]): EngineAddress | string {
  const url = URL.parse(text);
  if (!url) return `is not [name=] and ${forms}`;
  const known = options[url.protocol];
  if (!known) return "unknown scheme (known: unix://, tcp://, ssh://)";
  const all = [...more, ...known];
  if ([...url.searchParams.keys()].some((key) => !all.includes(key))) {
    return `unknown option (known: ${all.length > 0 ? all.join(", ") : "none"})`;
  }
  if (![url.username, url.pathname].every(isDecodable))
    return "its percent-encoding does not decode to text (write a % as %25)";
  if (url.protocol === "unix:") return toUnixSocket(url);
  return url.protocol === "tcp:" ? toTcp(url) : toSsh(url);
}

/** Whether its percent-encoding decodes to text without U+0000. */
export function isDecodable(text: string): boolean {
  try {
    return !decodeURIComponent(text).includes("\0");
  } catch {
    return false;
  }
}

function toName(address: EngineAddress): string {
  if (address.kind !== "unix") return address.host;
  return address.socketPath === "/var/run/docker.sock" ? "local" : basename(address.socketPath, ".sock");
}

function toUnixSocket(url: URL): EngineAddress | string {
  const socketPath = decodeURIComponent(url.pathname);
  if (url.host !== "" || socketPath.length < 2) return "a Unix socket needs three slashes: unix:///path";
  return { kind: "unix", socketPath };
}

function toTcp(url: URL): EngineAddress | string {
  if (url.hostname === "" || !["", "/"].includes(url.pathname)) return "is not tcp://host:port";
  if (url.username !== "" || url.password !== "") return "tcp:// takes no user name or password";
  const certs = url.searchParams.get("certs");
  if (certs === "") return "certs needs a folder";
  const tls =
    certs === null ? null : { ca: join(certs, "ca.pem"), cert: join(certs, "cert.pem"), key: join(certs, "key.pem") };
  return { kind: "tcp", host: toHost(url), port: Number(url.port || (tls ? 2376 : 2375)), tls };
}

function toSsh(url: URL): EngineAddress | string {
  if (url.password !== "") return "ssh:// takes no password: give a key";
  const [key, knownHosts] = [url.searchParams.get("key"), url.searchParams.get("known_hosts")];
  if (url.hostname === "" || url.username === "") return "is not ssh://user@host[:port][/path]";
  if (!key || !knownHosts) return "needs ?key=FILE&known_hosts=FILE";
  const socketPath = url.pathname.length > 1 ? decodeURIComponent(url.pathname) : "/var/run/docker.sock";
  const user = decodeURIComponent(url.username);
  return { kind: "ssh", host: toHost(url), port: Number(url.port || 22), user, key, knownHosts, socketPath };
}

function toHost(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}
