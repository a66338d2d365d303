import { describe, expect, it } from "vitest";
import { parseFleetConfig } from "../../src/config/fleet.ts";
import { ConfigError } from "../../src/config/reader.ts";

function parse(regions: string, more: Record<string, string> = {}) {
  return parseFleetConfig({ WALLET_CORE_OPS_REGIONS: regions, ...more }, () => "");
}

function issuesOf(...args: Parameters<typeof parse>): readonly string[] {
  try {
    parse(...args);
  } catch (error) {
    if (error instanceof ConfigError) return error.issues;
    throw error;
  }
  return [];
}

describe("parseFleetConfig", () => {
  it("reads the regions in their order, and where to listen", () => {
    const more = { WALLET_CORE_OPS_PORT: "4100", WALLET_CORE_OPS_DOCKER_HOSTS: "unix:///run/docker.sock" };
    expect(parse("us=https://ops.us.example, eu-1=http://10.0.0.5:4000/behind", more)).toMatchObject({
      host: "127.0.0.1",
      port: 4100,
      logLevel: "info",
      regions: [
        { name: "us", url: "https://ops.us.example/" },
        { name: "eu-1", url: "http://10.0.0.5:4000/behind" },
      ],
    });
  });

  const form = "must be <name>=<address of a gateway>, separated by commas, with names of a-z 0-9 -, but";
  it.each([
    ["https://ops.example", `${form} entry 1 is not`],
    ["eu=https://a.example,,us=https://b.example", `${form} entry 2 is not`],
    ["EU.1=https://a.example", `${form} entry 1 is not`],
    ["eu=nowhere", `${form} entry 1 (eu) is not`],
    ["eu=ftp://a.example", "needs an http:// or https:// address, but entry 1 (eu) has another one"],
    [
      "eu=https://me:secret@a.example",
      "takes addresses without user, password and parameters, but entry 1 (eu) has some: clients send the token",
    ],
    ["eu=https://a.example,eu=https://b.example", 'names "eu" twice'],
    [Array.from({ length: 51 }, (_, index) => `r${index}=https://a.example`).join(), "has 51 regions, at most 50"],
  ])("refuses %s", (regions, problem) => {
    expect(issuesOf(regions)).toEqual([`WALLET_CORE_OPS_REGIONS ${problem}`]);
  });

  it("refuses to start without a region, and names every mistake at once", () => {
    expect(issuesOf("")).toEqual([
      "no region is configured: set WALLET_CORE_OPS_REGIONS, such as eu=https://ops.eu.example,us=https://ops.us.example",
    ]);
    expect(issuesOf("eu", { WALLET_CORE_OPS_PORT: "x", WALLET_CORE_OPS_REGION: "eu" })).toEqual([
      "WALLET_CORE_OPS_REGION is unknown: did you mean WALLET_CORE_OPS_REGIONS?",
      `WALLET_CORE_OPS_REGIONS ${form} entry 1 is not`,
      "WALLET_CORE_OPS_PORT must be a port, 0 to 65535",
    ]);
  });
});
