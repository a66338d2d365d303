import { createHmac, timingSafeEqual } from "node:crypto";

/** A host's public key as OpenSSH writes it: its type, and the key itself. */
export interface HostKey {
  readonly type: string;
  readonly key: Buffer;
}

/**
 * The keys that a known_hosts file has for a host: by its name, by `[name]:port` where the port is not 22, or hashed (sshd(8)). Patterns
 * with `*` and `?` and certificate authorities are not followed: such a host is unknown. Keys marked @revoked are left out.
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
  const [made, given] = [createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest(), Buffer.from(hash, "base64")];
  return made.length === given.length && timingSafeEqual(made, given);
}

/** The signature algorithms by which a server can prove that it has one of these keys. */
export function toAlgorithms(keys: readonly HostKey[]): string[] {
  return [...new Set(keys.flatMap(({ type }) => (type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256"] : [type])))];
}
