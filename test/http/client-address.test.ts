import { BlockList } from "node:net";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createClientAddress } from "../../src/http/client-address.ts";
import { growthOf } from "../support/cost.ts";

const trusted = new BlockList();
trusted.addSubnet("10.0.0.0", 8, "ipv4");
trusted.addAddress("2001:db8::1", "ipv6");
const find = createClientAddress(trusted);
const none = createClientAddress(new BlockList());

describe("X-Forwarded-For", () => {
  test.each([
    ["no header", "10.0.0.1", undefined, "10.0.0.1"],
    ["one client", "10.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["what the client wrote stands left of what the proxy saw", "10.0.0.1", "127.0.0.1, 203.0.113.9", "203.0.113.9"],
    ["several trusted hops", "10.0.0.1", "198.51.100.1, 203.0.113.9, 10.9.9.9,10.8.8.8", "203.0.113.9"],
    ["an untrusted hop ends it", "10.0.0.1", "198.51.100.1, 203.0.113.9, 10.9.9.9, 192.0.2.1, 10.8.8.8", "192.0.2.1"],
    ["all hops trusted: the first of them", "10.0.0.1", "10.1.1.1, 10.2.2.2", "10.1.1.1"],
    ["a peer that is not trusted", "203.0.113.9", "198.51.100.1", "203.0.113.9"],
    ["a peer whose address is IPv4-mapped", "::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["a mapped peer that is not trusted", "::ffff:203.0.113.9", "198.51.100.1", "203.0.113.9"],
    ["an IPv6 peer", "2001:db8::1", "2001:DB8:0:0::99", "2001:db8::99"],
    ["another IPv6 peer", "2001:db8::2", "198.51.100.1", "2001:db8::2"],
    ["hops with ports", "10.0.0.1", "203.0.113.9:4711, 10.2.2.2:80", "203.0.113.9"],
    ["an IPv6 hop with a port", "10.0.0.1", "[2001:db8::99]:4711", "2001:db8::99"],
    ["a mapped hop", "10.0.0.1", "203.0.113.9, ::ffff:10.2.2.2", "203.0.113.9"],
    ["a hop that is no address", "10.0.0.1", "203.0.113.9, unknown, 10.2.2.2", "10.2.2.2"],
    ["an empty header", "10.0.0.1", "", "10.0.0.1"],
    ["a zone", "fe80::1%eth0", "203.0.113.9", "fe80::1"],
  ])("%s: from %s with %j the client is %s", (_name, peer, header, client) => {
    expect(find(peer, header === undefined ? {} : { "x-forwarded-for": header })).toBe(client);
  });

  test("a closed connection has no address", () => {
    expect(find(undefined, { "x-forwarded-for": "203.0.113.9" })).toBeUndefined();
  });
});

describe("Forwarded", () => {
  test.each([
    ["one client", "for=203.0.113.9", "203.0.113.9"],
    [
      "names in any case, other parameters, spaces",
      'Proto=https;FOR="203.0.113.9:80" ; by=10.0.0.1 , for=10.2.2.2',
      "203.0.113.9",
    ],
    ["IPv6", 'for="[2001:db8::99]:4711"', "2001:db8::99"],
    ["what the client wrote stands left", 'for=127.0.0.1, for="[2001:db8::99]"', "2001:db8::99"],
    ["a hidden client", "for=_hidden, for=10.2.2.2", "10.2.2.2"],
    ["an unknown one", "for=unknown", "10.0.0.1"],
    ["a hop without for", "for=203.0.113.9, proto=https", "10.0.0.1"],
    // What the proxy appends would become part of the client's quoted text.
    ["an open quote before the proxy's hop", 'for=127.0.0.1;x=", for="[2001:db8::99]"', "10.0.0.1"],
    ["an open quote", 'for="127.0.0.1, for=203.0.113.9', "10.0.0.1"],
    ["text after a quote", 'for="127.0.0.1"x, for=203.0.113.9', "10.0.0.1"],
    ["an escape in a quote", 'x="a\\"", for=203.0.113.9', "203.0.113.9"],
  ])("%s: with %j the client is %s", (_name, header, client) => {
    expect(find("10.0.0.1", { forwarded: header })).toBe(client);
  });

  test("both headers count where they agree; else it is the proxy", () => {
    const both = (forwarded: string, forwardedFor: string) =>
      find("10.0.0.1", { forwarded, "x-forwarded-for": forwardedFor });
    expect(both("for=203.0.113.9", "127.0.0.1, 203.0.113.9")).toBe("203.0.113.9");
    expect(both("for=127.0.0.1", "203.0.113.9")).toBe("10.0.0.1");
  });
});

/** Texts that are likely to be hops, and that are not. */
const junk = fc.array(
  fc.oneof(
    fc.constantFrom(",", ";", '"', "\\", " ", "\t", "for=", "x=", "10.0.0.2", "127.0.0.1", "[::1]", "unknown", ":80"),
    fc.string({ maxLength: 5 }),
  ),
  { maxLength: 12 },
);

test("a client can forge no address but its own or the proxy's", () => {
  fc.assert(
    fc.property(junk, fc.boolean(), (parts, isForwarded) => {
      const written = parts.join("");
      const header = isForwarded ? `${written}, for="[2001:db8::99]"` : `${written}, 2001:db8::99`;
      const client = find("10.0.0.1", isForwarded ? { forwarded: header } : { "x-forwarded-for": header });
      expect(["2001:db8::99", "10.0.0.1"]).toContain(client);
    }),
    { numRuns: 2000 },
  );
});

test("without trusted proxies no header counts", () => {
  fc.assert(
    fc.property(junk, (parts) => {
      const header = parts.join("");
      expect(none("203.0.113.9", { "x-forwarded-for": header, forwarded: header })).toBe("203.0.113.9");
    }),
  );
});

test("a long header takes no longer than its length", () => {
  for (const unit of [" ", "\t", '"', ",", "a=", "for=", "\\", ";"]) {
    const read = (size: number) => {
      const units = unit.repeat(size / unit.length);
      find("10.0.0.1", { forwarded: `x,${units}(`, "x-forwarded-for": units });
    };
    expect(growthOf(read, 4000), JSON.stringify(unit)).toBeLessThan(8);
  }
});
