import { expect, it } from "vitest";
import { parseLoopback } from "../../src/config/config.ts";

it.each([
  ["127.0.0.1:9464", "127.0.0.1", 9464],
  ["127.255.255.255:65535", "127.255.255.255", 65_535],
  ["127.9.0.100:0", "127.9.0.100", 0],
  ["[::1]:80", "::1", 80],
  ["localhost:1", "127.0.0.1", 1],
])("%s is an address of this machine", (text, host, port) => {
  expect(parseLoopback(text)).toEqual({ host, port });
});

it.each([
  "",
  "9464",
  "127.0.0.1",
  "127.0.0.1:",
  "127.0.0.1:65536",
  "127.0.0.1:123456",
  "127.0.0.1:1x",
  "127.256.0.1:1",
  "127.0.0.256:1",
  "127.0.0:1",
  "127.0.0.1.1:1",
  "x127.0.0.1:1",
  "0.0.0.0:1",
  "128.0.0.1:1",
  "[::2]:1",
  "::1:1",
  "xlocalhost:1",
])("%j is not an address of this machine", (text) => {
  expect(parseLoopback(text)).toBeNull();
});
