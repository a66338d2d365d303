import type { IncomingHttpHeaders } from "node:http";
import { type BlockList, isIP, SocketAddress } from "node:net";

/** Where a request came from: from the address that its connection has, and its headers. Undefined for a connection that has ended. */
export type FindClientAddress = (peer: string | undefined, headers: IncomingHttpHeaders) => string | undefined;

/**
 * The client's address is the nearest hop that is no trusted proxy: the connection's own, or one that trusted proxies named in `X-Forwarded-For` or
 * `Forwarded` (RFC 7239), read from the right. What stands further left anybody may have written. A hop that names no address ("unknown") ends the search at
 * the proxy that named it, and so do two headers that disagree: one of them is not the proxy's. IPv4-mapped IPv6 counts as IPv4. Source: security.md A9.
 */
export function createClientAddress(trusted: BlockList): FindClientAddress {
  const isTrusted = (address: string) => trusted.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
  const findClient = (peer: string, hops: readonly string[]) => {
    let client = peer;
    for (const hop of hops.toReversed()) {
      const address = isTrusted(client) ? parseAddress(hop) : null;
      if (address === null) break;
      client = address;
    }
    return client;
  };
  return (remoteAddress, headers) => {
    const peer = remoteAddress && parseAddress(remoteAddress);
    if (!peer || !isTrusted(peer)) return peer || undefined;
    const { forwarded } = headers;
    const forwardedFor = headers["x-forwarded-for"];
    const clients = [];
    if (forwardedFor !== undefined) clients.push(findClient(peer, [forwardedFor].flat().join(",").split(",")));
    if (forwarded !== undefined) clients.push(findClient(peer, parseForwarded(forwarded)));
    const [client = peer, other = client] = clients;
    return client === other ? client : peer;
  };
}

/** Without and with a port; IPv6 in brackets then. */
const addressForm = /^(?:([\d.]+)(?::\d{1,5})?|\[([\da-f:.]+)\](?::\d{1,5})?|([\da-f:.]+)(?:%.*)?)$/i;

/** The address as text in its one canonical form; null for anything else. */
function parseAddress(text: string): string | null {
  const [, ipv4, bracketed, ipv6] = addressForm.exec(text.trim()) ?? [];
  const address = ipv4 ?? bracketed ?? ipv6 ?? "";
  const family = isIP(address);
  if (family !== 6) return family === 4 ? address : null;
  const canonical = new SocketAddress({ address, family: "ipv6" }).address;
  return canonical.replace(/^::ffff:(?=\d+\.)/, "");
}

const pairForm = /[ \t]*(?:([\w-]+)=(?:"((?:\\.|[^"\\])*)"|([^\s",;]*))[ \t]*)?([,;]|$)/gy;

/** The `for` of each hop of a `Forwarded` header, "" for a hop without one. A header that is not well-formed names nobody: where it ends is anybody's guess. */
function parseForwarded(header: string): string[] {
  const hops = [""];
  let length = 0;
  for (const [text, name, quoted, plain = "", separator] of header.matchAll(pairForm)) {
    length += text.length;
    if (name?.toLowerCase() === "for") hops[hops.length - 1] = quoted ?? plain;
    if (separator === ",") hops.push("");
  }
  return length === header.length ? hops : [];
}
