import { SocketAddress } from "node:net";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { toNetwork, toSite } from "../../src/lib/network.ts";

test.each([
  ["", ""],
  ["unknown", "unknown"],
  ["10.0.0.1", "10.0.0.0/24"],
  ["203.0.113.255", "203.0.113.0/24"],
  ["::ffff:10.0.0.1", "10.0.0.0/24"],
  ["::FFFF:10.0.0.1", "10.0.0.0/24"],
  ["::ffff:a00:1", "10.0.0.0/24"],
  ["0:0:0:0:0:ffff:10.0.0.1", "10.0.0.0/24"],
  ["1:2:3:4:5:6:7:8", "1:2:3:4::/64"],
  ["::", "0:0:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["::10.0.0.1", "0:0:0:0::/64"],
  ["64:ff9b::10.0.0.1", "64:ff9b:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["2001:0DB8::1", "2001:db8:0:0::/64"],
  ["2001:db8:1:2::9", "2001:db8:1:2::/64"],
  ["1::2:3:4:5:6:7", "1:0:2:3::/64"],
  ["::2:3:4:5:6:7:8", "0:2:3:4::/64"],
])("the network of %j is %j", (address, network) => {
  expect(toNetwork(address)).toBe(network);
});

test.each([
  ["", ""],
  ["10.0.0.1", "10.0.0.0/24"],
  ["::ffff:10.0.0.1", "10.0.0.0/24"],
  ["2001:db8:1:2::9", "2001:db8:1::/48"],
  ["2001:db8:1:ffff::9", "2001:db8:1::/48"],
  ["::1", "0:0:0::/48"],
])("the site of %j is %j", (address, site) => {
  expect(toSite(toNetwork(address))).toBe(site);
});

const byte = fc.nat(255);

test("an IPv4 address has the network of its first three bytes", () => {
  fc.assert(
    fc.property(byte, byte, byte, byte, byte, (a, b, c, one, other) => {
      const network = toNetwork(`${a}.${b}.${c}.${one}`);
      expect(network).toBe(toNetwork(`::ffff:${a}.${b}.${c}.${other}`));
      expect(network).not.toBe(toNetwork(`${a}.${b}.${(c + 1) % 256}.${one}`));
    }),
  );
});

test("an IPv6 address has the network of its first four groups", () => {
  const groups = fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 }).filter(([first]) => first !== 0);
  fc.assert(
    fc.property(groups, fc.nat(3), fc.integer({ min: 4, max: 7 }), (address, near, far) => {
      const write = (list: readonly number[]) => list.map((group) => group.toString(16)).join(":");
      const change = (index: number) => address.with(index, ((address[index] ?? 0) + 1) % 0x10000);
      const network = toNetwork(write(address));
      expect(toNetwork(write(change(far)))).toBe(network);
      expect(toNetwork(write(change(near)))).not.toBe(network);
      expect(toNetwork(new SocketAddress({ address: write(address), family: "ipv6" }).address)).toBe(network);
    }),
  );
});
