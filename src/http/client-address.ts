import type { IncomingHttpHeaders } from "node:http";
import { type BlockList, isIP, SocketAddress } from "node:net";
import { LRUCache } from "lru-cache";

/**
 * Finds the client's address from the connection's address and the headers. Undefined for a
 * connection that has ended.
 */
export type FindClientAddress = (peer: string | undefined, headers: IncomingHttpHeaders) => string | undefined;

/** The other end of a connection. */
export interface Peer {
  /** In canonical form; null for a connection that has ended. */
  readonly address: string | null;
  readonly isProxy: boolean;
}

export type FindPeer = (remoteAddress: string | undefined) => Peer;

/**
 * Tells whether a connection comes from a trusted proxy. It remembers the last peers: checking an
 * address costs a tenth of an answer from memory.
 */
export function createFindPeer(trusted: BlockList): FindPeer {
  const peers = new LRUCache<string, Peer>({ max: 1000 });
  return (remoteAddress = "") => {
    const known = peers.get(remoteAddress);
    if (known) return known;
    const address = parseAddress(remoteAddress);
    const found = { address, isProxy: address !== null && isListed(trusted, address) };
    peers.set(remoteAddress, found);
    return found;
  };
}

function isListed(trusted: BlockList, address: string): boolean {
  return trusted.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
}

/**
 * The client's address is the nearest hop that is not a trusted proxy: the connection's own, or one
 * that trusted proxies named in `X-Forwarded-For` or `Forwarded` (RFC 7239), read from the right.
 * Entries further left can be forged. A hop without an address ("unknown") ends the search at the
 * proxy that named it. If the two headers disagree, the connection's own address counts: one of
 * them is not the proxy's. IPv4-mapped IPv6 counts as IPv4.
 */
export function createClientAddress(trusted: BlockList, findPeer = createFindPeer(trusted)): FindClientAddress {
  const isTrusted = (address: string) => isListed(trusted, address);
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
    const { address: peer, isProxy } = findPeer(remoteAddress);
    if (!peer || !isProxy) return peer || undefined;
    const { forwarded } = headers;
    const forwardedFor = headers["x-forwarded-for"];
    const clients = [];
    if (forwardedFor !== undefined) clients.push(findClient(peer, [forwardedFor].flat().join(",").split(",")));
    if (forwarded !== undefined) clients.push(findClient(peer, parseForwarded(forwarded)));
    const [client = peer, other = client] = clients;
    return client === other ? client : peer;
  };
}

/** With or without a port; with a port, IPv6 is in brackets. */
const addressForm = /^(?:([\d.]+)(?::\d{1,5})?|\[([\da-f:.]+)\](?::\d{1,5})?|([\da-f:.]+)(?:%.*)?)$/i;

/** The address in canonical form; null for other text. */
function parseAddress(text: string): string | null {
  const [, ipv4, bracketed, ipv6] = addressForm.exec(text.trim()) ?? [];
  const address = ipv4 ?? bracketed ?? ipv6 ?? "";
  const family = isIP(address);
  if (family !== 6) return family === 4 ? address : null;
  const canonical = new SocketAddress({ address, family: "ipv6" }).address;
  return canonical.replace(/^::ffff:(?=\d+\.)/, "");
}

const pairForm = /[ \t]*(?:([\w-]+)=(?:"((?:\\.|[^"\\])*)"|([^\s",;]*))[ \t]*)?([,;]|$)/gy;

/**
 * The `for` of each hop of a `Forwarded` header, "" for a hop without one. A malformed header gives
 * no hops: its parts cannot be separated safely.
 */
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
