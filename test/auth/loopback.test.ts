import { describe, expect, it } from "vitest";
import { loopbackAuthenticator } from "../../src/auth/loopback.ts";
import { parseLoopback } from "../../src/config/config.ts";

const ask = (...hosts: string[]) =>
  loopbackAuthenticator.authenticate(
    undefined,
    hosts.flatMap((host) => ["Host", host]),
  );

describe("the metrics listener without a token", () => {
  it.each(["127.0.0.1:9464", "127.1.2.3", "127.100.200.255:65535", "localhost:9464", "[::1]:9464", "LOCALHOST"])(
    "may be read as %s",
    (host) => {
      expect(ask(host)).toMatchObject({ subject: "loopback" });
      expect([...((ask(host) as { scopes: Set<string> } | null)?.scopes ?? [])]).toEqual(["ops:read"]);
    },
  );

  it.each([
    "evil.example",
    "xlocalhost",
    "127.0.0.1:",
    "127.0.0.1:123456",
    "127.0.1",
    "127.0.0.1.evil.example",
    "localhost.evil.example:9464",
    "10.0.0.1:9464",
    "",
    "[::2]",
  ])("refuses %s", (host) => expect(ask(host)).toBeNull());

  it("requires exactly one Host header", () => {
    expect(ask()).toBeNull();
    expect(ask("localhost", "localhost")).toBeNull();
    const raw = (...headers: string[]) => loopbackAuthenticator.authenticate(undefined, headers);
    expect(raw("X", "localhost")).toBeNull();
    expect(raw("Accept", "*/*", "HOST", "localhost", "X", "host", "Y", "evil")).toEqual({
      subject: "loopback",
      kid: "loopback",
      auth: "token",
      scopes: new Set(["ops:read"]),
      environments: new Set(["staging", "production"]),
    });
    expect(raw("host", "localhost", "Host", "evil")).toBeNull();
  });
});

describe("METRICS_ADDRESS", () => {
  it.each([
    ["127.0.0.1:9464", "127.0.0.1", 9464],
    ["127.8.8.8:1", "127.8.8.8", 1],
    ["[::1]:9464", "::1", 9464],
    ["localhost:0", "127.0.0.1", 0],
  ])("%s is a loopback address", (text, host, port) => expect(parseLoopback(text)).toEqual({ host, port }));

  it.each([
    "0.0.0.0:9464",
    "[::]:9464",
    "10.0.0.1:9464",
    "9464",
    ":9464",
    "127.0.0.1",
    "127.0.0.256:1",
    "127.0.0.1:65536",
    "::1:9464",
  ])("refuses %s", (text) => expect(parseLoopback(text)).toBeNull());
});
