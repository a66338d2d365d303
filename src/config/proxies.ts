import { BlockList, isIP } from "node:net";

/**
 * A comma list of IPv4 and IPv6 addresses and CIDR blocks: `10.0.0.0/8, 2001:db8::1`. An IPv4-mapped IPv6 address means the IPv4 address. Returns a text about the
 * first bad entry.
 */
export function parseProxies(list: string): BlockList | string {
  const proxies = new BlockList();
  for (const entry of list
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean)) {
    const [, address = "", digits] = /^([\da-f.:]+)(?:\/(\d{1,3}))?$/i.exec(entry) ?? [];
    const family = isIP(address);
    const bits = family === 4 ? 32 : 128;
    const length = digits === undefined ? bits : Number(digits);
    if (family === 0 || length > bits) return `"${entry}" is not an IP address or a block such as 10.0.0.0/8`;
    proxies.addSubnet(address, length, family === 4 ? "ipv4" : "ipv6");
  }
  return proxies;
}
