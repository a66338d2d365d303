import { createHmac, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Agent } from "node:http";
import type { Duplex } from "node:stream";
import type { Client, ConnectConfig } from "ssh2";
import type { SshAddress } from "../address.ts";

/**
 * Milliseconds within which the SSH server must admit us, and between keep-alives: a connection
 * silent for three times `aliveMs` is lost.
 */
const [readyMs, aliveMs] = [10_000, 10_000];

/**
 * Carries requests to an engine's socket through one persistent SSH connection, each in its own
 * channel. docker-modem's own way starts a connection and a process for each request, and checks no
 * host key.
 */
export class SshAgent extends Agent {
  readonly #address: SshAddress;
  #client: Promise<Client> | null = null;
  #channels = 0;
  #retired = false;

  constructor(address: SshAddress) {
    super({ keepAlive: false });
    this.#address = address;
  }

  override createConnection(_options: object, done?: (error: Error | null, stream: Duplex) => void): undefined {
    void this.#answer(done);
  }

  /** Ends the connection once no request uses it. */
  retire(): void {
    this.#retired = true;
    if (this.#channels === 0) this.#client?.then((client) => client.end()).catch(() => {});
  }

  async #answer(done: ((error: Error | null, stream: Duplex) => void) | undefined): Promise<void> {
    const opened = await this.#openChannel().catch((error: unknown) => error as Error);
    if (opened instanceof Error) done?.(opened, undefined as never);
    else done?.(null, opened);
  }

  async #openChannel(): Promise<Duplex> {
    this.#channels++;
    const release = () => {
      this.#channels--;
      if (this.#retired) this.retire();
    };
    try {
      const client = await (this.#client ??= this.#connect());
      const stream = await forward(client, this.#address.socketPath);
      stream.once("close", release);
      return stream;
    } catch (error) {
      release();
      throw error;
    }
  }

  async #connect(): Promise<Client> {
    const forget = () => (this.#client = null);
    try {
      const client = await connectClient(await toConnectConfig(this.#address));
      client.once("close", forget);
      return client;
    } catch (error) {
      forget();
      throw error;
    }
  }
}

async function connectClient(config: ConnectConfig): Promise<Client> {
  const { default: ssh2 } = await import("ssh2");
  const client = new ssh2.Client();
  return new Promise((resolve, reject) => {
    client.once("ready", () => resolve(client));
    // Stays for the life of the connection: a late error without a listener would end the process.
    client.on("error", (error) => reject(toSshError(error)));
    client.once("close", () => reject(coded("SSH_CLOSED", null)));
    client.connect(config);
  });
}

async function toConnectConfig({ host, port, user, key, knownHosts }: SshAddress): Promise<ConnectConfig> {
  const [privateKey, known] = await Promise.all([readFile(key), readFile(knownHosts, "utf8")]).catch(
    (error: unknown) => {
      throw coded("SSH_FILES", error);
    },
  );
  const keys = findHostKeys(known, host, port);
  if (keys.length === 0) throw coded("SSH_UNKNOWN_HOST", null);
  return {
    host,
    port,
    username: user,
    privateKey,
    // Only types that we have keys for: else a server may prove itself by another of its keys,
    // which we do not know.
    algorithms: { serverHostKey: toAlgorithms(keys) as never },
    hostVerifier: (offered: Buffer) => keys.some((known_) => known_.key.equals(offered)),
    readyTimeout: readyMs,
    keepaliveInterval: aliveMs,
    keepaliveCountMax: 3,
  };
}

function forward(client: Client, socketPath: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    client.openssh_forwardOutStreamLocal(socketPath, (error, stream) => {
      if (error) reject(coded("SSH_FORWARD", error));
      else resolve(stream);
    });
  });
}

function toSshError(error: Error & { level?: string; code?: unknown }): Error {
  if (error.level === "client-authentication") return coded("SSH_AUTH", error);
  if (error.message.includes("Host denied") || error.message.includes("no matching host key"))
    return coded("SSH_HOST_KEY", error);
  return typeof error.code === "string" ? error : coded("SSH_CLOSED", error);
}

function coded(code: string, cause: unknown): Error {
  return Object.assign(new Error("SSH", { cause }), { code });
}

/** A host's public key as in OpenSSH's files: its type, and the key itself. */
interface HostKey {
  readonly type: string;
  readonly key: Buffer;
}

/**
 * The keys that a known_hosts file has for a host: by its name, by `[name]:port` if the port is not
 * 22, or hashed (sshd(8)). Patterns with `*` and `?` and certificate authorities are not supported:
 * such a host is unknown. Keys marked @revoked are left out.
 */
export function findHostKeys(text: string, host: string, port: number): readonly HostKey[] {
  const name = port === 22 ? host : `[${host}]:${port}`;
  const keys: HostKey[] = [];
  const revoked = new Set<string>();
  for (const line of text.split("\n")) {
    const words = line.trim().split(/\s+/);
    const marker = words[0]?.startsWith("@") ? words.shift() : null;
    const [names = "", type = "", base64 = ""] = words;
    if (names === "" || names.startsWith("#") || base64 === "" || !matches(names, name)) continue;
    if (marker === "@revoked") revoked.add(base64);
    else if (!marker) keys.push({ type, key: Buffer.from(base64, "base64") });
  }
  return keys.filter(({ key }) => !revoked.has(key.toString("base64")));
}

function matches(names: string, name: string): boolean {
  const hashed = /^\|1\|([^|]+)\|([^|]+)$/.exec(names);
  if (!hashed) return names.split(",").includes(name);
  const [, salt = "", hash = ""] = hashed;
  const [made, given] = [
    createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest(),
    Buffer.from(hash, "base64"),
  ];
  return made.length === given.length && timingSafeEqual(made, given);
}

/** The signature algorithms with which a server can prove that it has one of these keys. */
export function toAlgorithms(keys: readonly HostKey[]): string[] {
  return [...new Set(keys.flatMap(({ type }) => (type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256"] : [type])))];
}
