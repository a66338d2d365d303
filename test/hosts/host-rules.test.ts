import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assembleReport, type HostReading, isAlerting, nameHosts } from "../../src/hosts/host.ts";

const thresholds = { cpu: 0.85, mem: 0.8 };

function reading(values: Partial<HostReading>): HostReading {
  return {
    nodename: null,
    instance: "10.0.0.1:9100",
    status: "up",
    cpuUtil: 0.1,
    memUtil: 0.1,
    diskUtil: null,
    diskMountpoint: null,
    diskDevice: null,
    load1: null,
    networkReceiveBytesPerSec: null,
    networkTransmitBytesPerSec: null,
    reason: null,
    ...values,
  };
}

describe("isAlerting", () => {
  it.each([
    ["below both", { cpuUtil: 0.8499, memUtil: 0.7999 }, false],
    ["exactly at the CPU threshold", { cpuUtil: 0.85 }, true],
    ["exactly at the memory threshold", { memUtil: 0.8 }, true],
    ["each compared with its own threshold", { cpuUtil: 0.82 }, false],
    ["unknown values", { cpuUtil: null, memUtil: null }, false],
    ["one unknown, the other hot", { cpuUtil: null, memUtil: 0.9 }, true],
    ["down", { status: "down", cpuUtil: null, memUtil: null }, true],
  ] as const)("%s: %o raises an alert: %s", (_, values, expected) => {
    expect(isAlerting(reading(values), thresholds)).toBe(expected);
  });

  it("a threshold of 0 does not make an unknown value an alert", () => {
    expect(isAlerting(reading({ cpuUtil: null, memUtil: null }), { cpu: 0, mem: 0 })).toBe(false);
  });
});

describe("nameHosts", () => {
  it.each([
    [null, "10.0.0.1:9100", "10.0.0.1"],
    [null, "[2001:db8::1]:9100", "2001:db8::1"],
    [null, "web-1", "web-1"],
    [null, "x[2001:db8::1]:9100", "x[2001:db8::1]:9100"],
    [null, "[2001:db8::1]:9100/metrics", "[2001:db8::1]:9100/metrics"],
    [null, "2001:db8::1:9100", "2001:db8::1:9100"],
    [null, "web-1:9100/metrics", "web-1:9100/metrics"],
    ["", "web-1:9100", "web-1"],
    ["staging-host-1", "10.0.0.1:9100", "staging-host-1"],
  ])("nodename %s at %s is %s", (nodename, instance, name) => {
    expect(nameHosts([{ nodename, instance }])).toEqual([name]);
  });

  it("appends the instance to hosts that share a name, and only to them", () => {
    const hosts = [
      { nodename: "clone", instance: "a:9100" },
      { nodename: "web", instance: "b:9100" },
      { nodename: "clone", instance: "c:9100" },
    ];
    expect(nameHosts(hosts)).toEqual(["clone (a:9100)", "web", "clone (c:9100)"]);
  });

  it("is unique and independent of the order, also for names made to collide", () => {
    const part = fc.constantFrom("a", "b", "a (b:1)", "a (b:1) (b:1)", "b:1");
    const host = fc.record({
      nodename: fc.option(part),
      instance: fc.constantFrom("a", "b", "b:1", "a:1", "b:2", "[b]:1"),
    });
    fc.assert(
      fc.property(fc.uniqueArray(host, { selector: ({ instance }) => instance }), (hosts) => {
        const names = nameHosts(hosts);
        expect(new Set(names).size).toBe(hosts.length);
        expect(nameHosts(hosts.toReversed())).toEqual(names.toReversed());
      }),
    );
  });
});

describe("assembleReport", () => {
  it("sorts by name, and adds the alert to the values", () => {
    const readings = [reading({ nodename: "z", cpuUtil: 0.9 }), reading({ nodename: "a", instance: "10.0.0.2:9100" })];
    const report = assembleReport(readings, thresholds, "2026-01-13T09:46:00Z");
    expect(report.hosts.map(({ name, alert, cpuUtil }) => ({ name, alert, cpuUtil }))).toEqual([
      { name: "a", alert: false, cpuUtil: 0.1 },
      { name: "z", alert: true, cpuUtil: 0.9 },
    ]);
    expect(report).toMatchObject({ thresholds, updatedAt: "2026-01-13T09:46:00Z" });
    expect(report.hosts[0]).not.toHaveProperty("nodename");
    const sorted = ["b", "d", "a", "c"].map((nodename) => reading({ nodename, instance: nodename }));
    expect(assembleReport(sorted, thresholds, "").hosts.map(({ name }) => name)).toEqual(["a", "b", "c", "d"]);
  });
});
