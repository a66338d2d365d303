import * as fc from "fast-check";
import { expect, test } from "vitest";
import { toPorts } from "../../../src/containers/kamal/mapping.ts";

const port = (hostIp: string, hostPort: number, protocol = "tcp") => ({ hostIp, hostPort, protocol });

test("published ports are sorted by number, without IPv6 twins", () => {
  expect(toPorts([port("0.0.0.0", 8443), port("::", 8443), port("0.0.0.0", 80), port("", 0)])).toEqual([
    "0.0.0.0:80",
    "0.0.0.0:8443",
  ]);
  expect(toPorts([port("0.0.0.0", 53, "udp"), port("0.0.0.0", 53)])).toEqual(["0.0.0.0:53"]);
  expect(toPorts([port("::", 53, "udp"), port("0.0.0.0", 53), port("0.0.0.0", 54)])).toEqual([
    "0.0.0.0:53",
    "[::]:53",
    "0.0.0.0:54",
  ]);
  expect(toPorts([port("::", 80), port("127.0.0.1", 80), port("", 81)])).toEqual([
    "127.0.0.1:80",
    "[::]:80",
    "0.0.0.0:81",
  ]);
  expect(toPorts([port("127.0.0.1", 80), port("::", 80), port("10.0.0.1", 80)])).toEqual([
    "10.0.0.1:80",
    "127.0.0.1:80",
    "[::]:80",
  ]);
});

test("every published port is reachable by an entry", () => {
  const ports = fc.array(fc.tuple(fc.constantFrom("0.0.0.0", "::", "127.0.0.1"), fc.integer({ min: 1, max: 5 })));
  fc.assert(
    fc.property(ports, (list) => {
      const numbers = toPorts(list.map(([ip, number]) => port(ip, number))).map((text) =>
        Number(text.split(":").at(-1)),
      );
      expect(new Set(numbers)).toEqual(new Set(list.map(([, number]) => number)));
    }),
  );
});
