/**
 * The network that an address belongs to, as CIDR text: the /24 of an IPv4 address, the /64 of an
 * IPv6 address. One client owns all of a /64 and often much of a /24, so limits per client count
 * networks. IPv4-mapped IPv6 counts as IPv4. Text that is no address is returned unchanged.
 */
export function toNetwork(address: string): string {
  if (!address.includes(":")) return toNetworkOfIPv4(address) ?? address;
  const [text = ""] = address.split("%");
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (!dotted) return toNetworkOfIPv6(text);
  const [a = 0, b = 0, c = 0, d = 0] = dotted.slice(2).map(Number);
  return toNetworkOfIPv6(`${dotted[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`);
}

/**
 * The /48 that a /64 belongs to, as CIDR text; any other network is returned unchanged. A site
 * often owns a whole /48, which is 65,536 networks: so limits of all clients together count sites.
 */
export function toSite(network: string): string {
  return network.endsWith("::/64") ? `${network.split(":", 3).join(":")}::/48` : network;
}

function toNetworkOfIPv4(address: string): string | null {
  const match = /^(\d+\.\d+\.\d+)\.\d+$/.exec(address);
  return match ? `${match[1]}.0/24` : null;
}

function toNetworkOfIPv6(address: string): string {
  const [head = "", tail] = address.split("::");
  const groups = toGroups(head);
  if (tail !== undefined) {
    const after = toGroups(tail);
    while (groups.length + after.length < 8) groups.push(0);
    groups.push(...after);
  }
  const isMapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
  const [high = 0, low = 0] = groups.slice(6);
  if (isMapped) return `${high >> 8}.${high & 0xff}.${low >> 8}.0/24`;
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(":")}::/64`;
}

function toGroups(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}
