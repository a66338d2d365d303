import { renameSync, unlinkSync, symlinkSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toContainerStats } from "../../../src/domain/stats.ts";
import { createCgroupReader } from "../../../src/upstreams/docker/cgroup.ts";
import { toHostCpu, toNumber, toRecord } from "../../../src/upstreams/docker/cgroup-text.ts";
import { createCgroupFiles, v1Files, v2Files } from "../../support/cgroup-files.ts";
import { fullId } from "../../support/docker-fake.ts";

const id = fullId("a");
const versions = [
  {
    name: "v1",
    files: v1Files,
    line: (path: string) => `4:memory:/${path}\n0::/${path}\n`,
    limit: "memory/PATH/memory.limit_in_bytes",
    unlimited: "9223372036854771712\n",
    folder: "sys/cpuacct",
    usage: "cpuacct/PATH/cpuacct.usage",
  },
  {
    name: "v2",
    files: v2Files,
    line: (path: string) => `0::/${path}\n`,
    limit: "memory.max",
    unlimited: "max\n",
    folder: "sys",
    usage: "cpu.stat",
  },
];
const drivers = [
  `docker/${id}`,
  `system.slice/docker-${id}.scope`,
  // Podman with runc, with crun, and without systemd.
  `machine.slice/libpod-${id}.scope`,
  `machine.slice/libpod-${id}.scope/container`,
  `libpod_parent/libpod-${id}`,
];

describe.each(versions)("cgroup $name", ({ files, line, limit, unlimited, folder, usage }) => {
  test.each(drivers)("gives the docker CLI's numbers from %s", (path) => {
    using host = createCgroupFiles(line(path));
    host.write(files(path));
    const sample = createCgroupReader(host).read(id);
    expect(sample).toMatchObject({ source: "cgroup", cpuTotal: 1_500_000_000, cpuSystem: 10_000_000_000, onlineCpus: 2 });
    expect(sample && toContainerStats(null, sample)).toEqual({
      source: "cgroup",
      cpuPct: null,
      cpuPeriods: 40,
      cpuThrottledPeriods: 30,
      cpuThrottledSeconds: 2.5,
      memPct: 40,
      memUsedBytes: 40_000_000,
      memLimitBytes: 100_000_000,
      pids: 2,
      networkReceiveBytes: 1030,
      networkTransmitBytes: 204,
      blockReadBytes: 4097,
      blockWriteBytes: 8194,
      sampledAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    });
  });

  test("without a limit the host's memory counts", () => {
    using host = createCgroupFiles(line(`docker/${id}`));
    host.write(files(`docker/${id}`, { [limit]: unlimited }));
    expect(createCgroupReader(host).read(id)?.memLimit).toBe(totalmem());
  });

  test("a container that was started again is another life, an unknown one is left to its engine", () => {
    using host = createCgroupFiles(line(`docker/${id}`));
    host.write(files(`docker/${id}`));
    const reader = createCgroupReader(host);
    const life = reader.read(id)?.life;
    expect(reader.read(id)?.life).toBe(life);
    const parent = join(host.root, "..", folder, "docker");
    renameSync(join(parent, id), join(parent, "old"));
    expect(reader.read(id)).toBeNull();
    host.write(files(`docker/${id}`));
    expect(reader.read(id)?.life).not.toBe(life);
    expect(reader.read(fullId("b"))).toBeNull();
  });

  test("what cannot be read in full, or is of another container, is left to the engine", () => {
    for (const change of [{ [limit]: null }, { [usage]: null }, { [usage]: "nonsense\n" }, { [limit]: "\n" }]) {
      using host = createCgroupFiles(line(`docker/${id}`));
      host.write(files(`docker/${id}`, change));
      expect(createCgroupReader(host).read(id)).toBeNull();
    }
    // The number of its process is one of another container here.
    using elsewhere = createCgroupFiles(line(`docker/${fullId("c")}`));
    elsewhere.write(files(`docker/${id}`));
    expect(createCgroupReader(elsewhere).read(id)).toBeNull();
  });

  test("on the host's network it has none of its own", () => {
    using host = createCgroupFiles(line(`docker/${id}`));
    host.write(files(`docker/${id}`));
    unlinkSync(join(host.proc, "4711/ns/net"));
    symlinkSync("net:[1]", join(host.proc, "4711/ns/net"));
    expect(createCgroupReader(host).read(id)).toMatchObject({ network: null, pids: 2 });
  });
});

test("a machine without cgroups has no samples", () => {
  expect(createCgroupReader({ root: "/nonexistent" }).read(id)).toBeNull();
});

test("the scheduler's own block count wins where it has one (v1)", () => {
  using host = createCgroupFiles(`0::/docker/${id}\n`);
  host.write(
    v1Files(`docker/${id}`, { "blkio/PATH/blkio.bfq.io_service_bytes_recursive": "8:0 Read 5\n8:0 Write 6\nTotal 11\n" }),
  );
  expect(createCgroupReader(host).read(id)?.blockIo).toEqual({ read: 5, written: 6 });
});

test("without the cpu controller there is no throttling (v2)", () => {
  using host = createCgroupFiles(`0::/docker/${id}\n`);
  host.write(v2Files(`docker/${id}`, { "cpu.stat": "usage_usec 7\nuser_usec 3\n" }));
  expect(createCgroupReader(host).read(id)).toMatchObject({ cpuTotal: 7000, throttling: null });
});

test("the kernel's files come back as they were written", () => {
  const key = fc.stringMatching(/^[a-z_]{1,20}$/);
  fc.assert(
    fc.property(fc.dictionary(key, fc.nat(), { noNullPrototype: true }), (record) => {
      const text = Object.entries(record).map(([name, value]) => `${name} ${value}\n`);
      expect(toRecord(text.join(""))).toEqual(record);
    }),
  );
  fc.assert(
    fc.property(fc.array(fc.nat(), { minLength: 10, maxLength: 10 }), fc.integer({ min: 1, max: 9 }), (fields, cpus) => {
      const lines = Array.from({ length: cpus }, (_, cpu) => `cpu${cpu} 1 2 3`);
      const { cpuSystem, onlineCpus } = toHostCpu([`cpu  ${fields.join(" ")}`, ...lines, "intr 1", ""].join("\n"));
      expect(onlineCpus).toBe(cpus);
      expect(cpuSystem).toBe(fields.slice(0, 7).reduce((sum, field) => sum + field) * 1e7);
    }),
  );
  expect(toNumber("max\n")).toBe(Number.POSITIVE_INFINITY);
  expect(() => toNumber("-1")).toThrow(TypeError);
  expect(() => toNumber("")).toThrow(TypeError);
});
