import { describe, expect, it } from "vitest";
import { isAlerting, type Host } from "../../src/hosts/host.ts";
import { findClockProblems, findEngineProblems, findHostProblems } from "../../src/problems/hosts.ts";
import { toEntry } from "../../src/timeline/timeline.ts";
import { sampleEngine } from "../support/containers.ts";
import { sampleHost } from "../support/hosts.ts";

const thresholds = { cpu: 0.85, mem: 0.9 };

function find(
  overrides: Partial<Host>,
  events: readonly ReturnType<typeof toEntry>[] = [],
  since: string | null = null,
) {
  const host = sampleHost({ name: "vm", instance: "vm:9100", ...overrides });
  return findHostProblems({
    hosts: [{ ...host, alert: isAlerting(host, thresholds) }],
    thresholds,
    env: "staging",
    events,
    fullSince: () => since,
  });
}

function changed(to: string, time: string, host = "vm") {
  return toEntry({ kind: "host_alert", time, message: "", to, host });
}

describe("a host", () => {
  it("that is hot shows what is at or above its threshold, and since when", () => {
    const events = [changed("alert", "2026-01-13T09:58:00Z"), changed("ok", "2026-01-13T09:57:00Z")];
    expect(find({ cpuUtil: 0.968, memUtil: 0.5 }, events)).toMatchObject([
      {
        id: "host_hot:vm:9100",
        severity: "warning",
        alert: "OpsHostHot",
        title: "The host vm is hot",
        since: "2026-01-13T09:58:00Z",
        env: "staging",
        host: { name: "vm" },
        evidence: ["CPU 96 %, threshold 85 %"],
        rule:
          "CPU of the host at or above 85 % (WALLET_CORE_OPS_CPU_THRESHOLD), or " +
          "memory at or above 90 % (WALLET_CORE_OPS_MEM_THRESHOLD).",
      },
    ]);
    expect(find({ cpuUtil: null, memUtil: 0.9 }, [changed("alert", "2026-01-13T09:58:00Z", "other")])).toMatchObject([
      { since: null, evidence: ["memory 90 %, threshold 90 %"] },
    ]);
  });

  it("that is down is only that", () => {
    const events = [changed("down", "2026-01-13T09:58:00Z")];
    expect(find({ status: "down", cpuUtil: null, memUtil: null, diskUtil: null }, events)).toMatchObject([
      {
        kind: "host_down",
        severity: "critical",
        alert: "OpsHostDown",
        since: "2026-01-13T09:58:00Z",
        evidence: ["the node-exporter at vm:9100 does not answer Prometheus"],
      },
    ]);
  });

  it("whose disk is more than 90 % full is a warning", () => {
    const full = { diskUtil: 0.97, diskMountpoint: "/var", diskDevice: "/dev/sdb1" };
    expect(find(full, [], "2026-01-13T09:55:00Z")).toMatchObject([
      {
        kind: "host_disk_full",
        severity: "warning",
        alert: "OpsHostDiskFull",
        title: "/var on vm is 97 % full",
        since: "2026-01-13T09:55:00Z",
        measure: "diskUtil",
        evidence: ["/var (/dev/sdb1) 97 %, threshold 90 %"],
      },
    ]);
    expect(find({ ...full, diskMountpoint: null, diskDevice: null })).toMatchObject([
      {
        title: "A file system of vm is 97 % full",
        since: null,
        evidence: ["fullest file system 97 %, threshold 90 %"],
      },
    ]);
    expect([...find({ diskUtil: 0.9 }), ...find({ diskUtil: null })]).toEqual([]);
  });

  it("that is below its thresholds, or unknown, is none", () => {
    expect([...find({}), ...find({ cpuUtil: null, memUtil: null })]).toEqual([]);
  });
});

describe("an engine that does not answer", () => {
  const nowMs = Date.parse("2026-01-13T10:00:00Z");
  const error = { code: "docker_timeout", message: "no answer" };
  const down = sampleEngine({ name: "web-2", env: "staging", ok: false, error, contactAt: nowMs - 150_000 });

  it("is a problem since it last answered", () => {
    expect(
      findEngineProblems({ nowMs, engines: [sampleEngine(), down], silent: [{ name: "web-2", ...error }] }),
    ).toMatchObject([
      {
        id: "engine_unreachable:web-2",
        severity: "critical",
        alert: "OpsEngineDown",
        title: "Engine web-2 does not answer",
        since: "2026-01-13T09:57:30Z",
        env: "staging",
        engine: down,
        evidence: ["it last answered 2 min ago", "no answer (docker_timeout)"],
      },
    ]);
    expect(findEngineProblems({ nowMs, engines: [{ ...down, contactAt: null }], silent: [] })).toMatchObject([
      { since: null, evidence: ["it never answered", "no answer (docker_timeout)"] },
    ]);
  });

  it("has no name if the token may not see it", () => {
    expect(findEngineProblems({ nowMs, engines: [], silent: [{ name: null, ...error }] })).toMatchObject([
      {
        id: "engine_unreachable:",
        engine: null,
        title: "An engine does not answer",
        evidence: ["it has no configured environment: it may run containers that this token may see"],
      },
    ]);
  });
});

describe("a clock", () => {
  const findSkew = (clockSkew: number | null, ok = true) =>
    findClockProblems({
      engines: [sampleEngine({ name: "web-1", env: "staging", ok, clockSkew })],
      databases: [{ name: "state", clockSkew }],
    });

  it.each([2.1, -2.1, 90, -90])("that differs by %s s is a problem", (skew) => {
    const differs = `${Math.abs(skew)} s ${skew > 0 ? "ahead of" : "behind"} the gateway's`;
    expect(findSkew(skew)).toMatchObject([
      {
        id: "clock_skewed:engine:web-1",
        kind: "clock_skewed",
        severity: "warning",
        alert: null,
        env: "staging",
        engine: { name: "web-1" },
        upstream: null,
        title: `The clock of the container engine web-1 is ${differs}`,
      },
      {
        id: "clock_skewed:database:state",
        env: null,
        engine: null,
        upstream: "postgres",
        title: `The clock of the database state is ${differs}`,
      },
    ]);
  });

  it.each([2, -2, 0, null])("that differs by %s s is none", (skew) => {
    expect(findSkew(skew)).toEqual([]);
  });

  it("of an engine that does not answer is not known", () => {
    expect(findSkew(90, false)).toMatchObject([{ id: "clock_skewed:database:state" }]);
  });
});
