import { renameSync, symlinkSync, unlinkSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import {
  createCgroupReader,
  figure,
  toCpuV2,
  toHostCpu,
  toMemDetail,
  toNumber,
  toRecord,
} from "../../../../src/containers/docker/stats/cgroup.ts";
import { toContainerStats } from "../../../../src/containers/stats/stats.ts";
import { createCgroupFiles, v1Files, v2Files } from "../../../support/cgroup-files.ts";
import { fullId } from "../../../support/docker-fake.ts";
import { asker, sample as createSample } from "../../../support/stats-sample.ts";

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
    detail: "total_inactive_file",
    processes: "cpuacct/PATH/cgroup.procs",
    pids: "pids/PATH/pids.current",
  },
  {
    name: "v2",
    files: v2Files,
    line: (path: string) => `0::/${path}\n`,
    limit: "memory.max",
    unlimited: "max\n",
    folder: "sys",
    usage: "cpu.stat",
    detail: "inactive_file",
    processes: "cgroup.procs",
    pids: "pids.current",
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

describe.each(versions)("cgroup $name", ({ files, line, limit, unlimited, folder, usage, detail, processes, pids }) => {
  test.each(drivers)("gives the docker CLI's numbers from %s", async (path) => {
    using host = createCgroupFiles(line(path));
    host.write(files(path));
    const sample = createCgroupReader(host).read(id);
    expect(sample).toEqual({
      source: "cgroup",
      life: expect.stringMatching(/^cgroup \d+$/),
      readAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      cpuTotal: 1_500_000_000,
      cpuSystem: 10_000_000_000,
      onlineCpus: 2,
      memUsage: 50_000_000,
      memLimit: 100_000_000,
      memDetail: expect.objectContaining({ [detail]: 10_000_000 }),
      readCounters: expect.any(Function),
    });
    const counted = {
      throttling: { periods: 40, throttledPeriods: 30, throttledNanoseconds: 2_500_000_000 },
      pids: 2,
      network: { received: 1030, sent: 204 },
      blockIo: { read: 4097, written: 8194 },
    };
    expect(sample?.readCounters()).toEqual(counted);
    const stats = toContainerStats(null, createSample(sample ?? {}, counted));
    expect(stats).toEqual({
      source: "cgroup",
      cpuPct: null,
      memPct: 40,
      memUsedBytes: 40_000_000,
      memLimitBytes: 100_000_000,
      sampledAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      counters: expect.any(Function),
    });
    expect(await stats.counters(asker)).toEqual({
      cpuPeriods: 40,
      cpuThrottledPeriods: 30,
      cpuThrottledSeconds: 2.5,
      pids: 2,
      networkReceiveBytes: 1030,
      networkTransmitBytes: 204,
      blockReadBytes: 4097,
      blockWriteBytes: 8194,
    });
  });

  test("without a limit the host's memory counts", () => {
    using host = createCgroupFiles(line(`docker/${id}`));
    host.write(files(`docker/${id}`, { [limit]: unlimited }));
    expect(createCgroupReader(host).read(id)?.memLimit).toBe(totalmem());
  });

  test("a restarted container is another life; an unknown one is not read", () => {
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

  test("incomplete files, or another container's, are left to the engine", () => {
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

  test.each([
    ["", null],
    ["nonsense\n", null],
    ["0\n", null],
    ["04711\n", null],
    ["4711x\n", null],
    ["0\n4711\n", { received: 1030, sent: 204 }],
    ["4711", { received: 1030, sent: 204 }],
    ["4712\n4711\n", null],
  ])("with the processes %j it has the network %j", (text, network) => {
    using host = createCgroupFiles(line(`docker/${id}`));
    host.write(files(`docker/${id}`, { [processes]: text }));
    expect(createCgroupReader(host).read(id)?.readCounters()?.network ?? null).toEqual(network);
  });

  test("another first process is looked up again", () => {
    using host = createCgroupFiles(line(`docker/${id}`));
    host.write(files(`docker/${id}`));
    const reader = createCgroupReader(host);
    const read = (pid: string) => {
      host.write(files(`docker/${id}`, { [processes]: `${pid}\n` }));
      return reader.read(id)?.readCounters();
    };
    expect(read("4711")?.network).toEqual({ received: 1030, sent: 204 });
    // Not one of its own.
    expect(read("4712")).toBeNull();
    expect(createCgroupReader(host).read(id)).toBeNull();
    expect(read("0")).toMatchObject({ network: undefined, pids: 2 });
    unlinkSync(join(host.proc, "4711/ns/net"));
    symlinkSync("net:[1]", join(host.proc, "4711/ns/net"));
    expect(read("4711")).toMatchObject({ network: null, pids: 2 });
  });

  test("a process whose network has no interfaces has no network numbers", () => {
    using host = createCgroupFiles(line(`docker/${id}`));
    host.write(files(`docker/${id}`));
    host.write({ "proc/4711/net/dev": "Inter-| Receive\n face |bytes\n    lo:    9999 9 0 0 0 0 0 0 9999 9\n" });
    expect(createCgroupReader(host).read(id)?.readCounters()).toMatchObject({ network: null, pids: 2 });
  });

  test("a container that is recreated during the read is left to the engine", () => {
    using host = createCgroupFiles(line(`docker/${id}`));
    host.write(files(`docker/${id}`));
    const reader = createCgroupReader(host);
    // In the middle of its reading.
    const spy = vi.spyOn(Date.prototype, "toISOString").mockImplementation(() => {
      const parent = join(host.root, "..", folder, "docker");
      renameSync(join(parent, id), join(parent, `old${performance.now()}`));
      host.write(files(`docker/${id}`));
      return "2026-01-13T09:40:00.000Z";
    });
    onTestFinished(() => spy.mockRestore());
    expect(reader.read(id)).toBeNull();
    spy.mockRestore();
    expect(reader.read(id)?.readCounters()).toMatchObject({ pids: 2 });
  });

  test("counters are those of the sample's life, and none after its end", () => {
    using host = createCgroupFiles(line(`docker/${id}`));
    host.write(files(`docker/${id}`));
    const reader = createCgroupReader(host);
    const sample = reader.read(id);
    expect(sample?.readCounters()).toMatchObject({ pids: 2 });
    const parent = join(host.root, "..", folder, "docker");
    renameSync(join(parent, id), join(parent, "old"));
    expect(sample?.readCounters()).toBeNull();
    host.write(files(`docker/${id}`));
    expect(sample?.readCounters()).toBeNull();
    expect(reader.read(id)?.readCounters()).toMatchObject({ pids: 2 });
  });

  test("a sample of a known life reads no file of the counters", () => {
    using host = createCgroupFiles(line(`docker/${id}`));
    host.write(files(`docker/${id}`));
    const reader = createCgroupReader(host);
    const first = reader.read(id);
    host.write(files(`docker/${id}`, { [pids]: "nonsense\n" }));
    expect(reader.read(id)).toEqual({ ...first, readAt: expect.any(String), readCounters: expect.any(Function) });
    expect(reader.read(id)?.readCounters()).toBeNull();
    expect(createCgroupReader(host).read(id)).toBeNull();
  });

  test("a container on the host's network has no network numbers", () => {
    using host = createCgroupFiles(line(`docker/${id}`));
    host.write(files(`docker/${id}`));
    unlinkSync(join(host.proc, "4711/ns/net"));
    symlinkSync("net:[1]", join(host.proc, "4711/ns/net"));
    expect(createCgroupReader(host).read(id)?.readCounters()).toMatchObject({ network: null, pids: 2 });
  });
});

test("containers that are read at once share the host's CPU time", () => {
  const now = vi.spyOn(performance, "now").mockReturnValue(1000);
  onTestFinished(() => now.mockRestore());
  using host = createCgroupFiles(`0::/docker/${id}\n`);
  host.write(v2Files(`docker/${id}`));
  const reader = createCgroupReader(host);
  const readCpu = () => reader.read(id)?.cpuSystem;
  const before = readCpu();
  host.write({ "proc/stat": "cpu  1 2 3 4 0 0 0\ncpu0 1\n" });
  now.mockReturnValue(1001.9);
  expect(readCpu()).toBe(before);
  now.mockReturnValue(1002);
  expect(readCpu()).toBe(10 * 1e7);
});

test("a machine without cgroups has no samples", () => {
  const reader = createCgroupReader({ root: "/nonexistent" });
  expect(reader.read(id)).toBeNull();
  expect(reader.explain(id)).toBe("/nonexistent holds no cgroups, or they cannot be read");
});

test.each([v1Files, v2Files])("a container without a sample says why", (files) => {
  using host = createCgroupFiles(`0::/docker/${id}\n`);
  host.write(files(`docker/${id}`, { "pids/PATH/pids.current": null, "pids.current": null }));
  const reader = createCgroupReader(host);
  expect([id, fullId("b")].map((each) => [reader.read(each), reader.explain(each)])).toEqual([
    [null, `its cgroups in ${host.root} cannot be read`],
    [null, `${host.root} holds none of its containers`],
  ]);
});

test.each(["", "0\n", "nonsense\n"])("processes that are not visible (%j) leave the network unknown", (processes) => {
  using host = createCgroupFiles(`0::/docker/${id}\n`);
  host.write(v2Files(`docker/${id}`, { "cgroup.procs": processes }));
  const sample = createCgroupReader(host).read(id);
  expect(sample?.cpuTotal).toBe(1_500_000_000);
  expect(sample?.readCounters()).toMatchObject({ pids: 2, network: undefined });
});

test("the scheduler's own block count wins where it has one (v1)", () => {
  using host = createCgroupFiles(`0::/docker/${id}\n`);
  host.write(
    v1Files(`docker/${id}`, {
      "blkio/PATH/blkio.bfq.io_service_bytes_recursive": "8:0 Read 5\n8:0 Write 6\nTotal 11\n",
    }),
  );
  expect(createCgroupReader(host).read(id)?.readCounters()?.blockIo).toEqual({ read: 5, written: 6 });
});

test("without the cpu controller there is no throttling (v2)", () => {
  using host = createCgroupFiles(`0::/docker/${id}\n`);
  host.write(v2Files(`docker/${id}`, { "cpu.stat": "usage_usec 7\nuser_usec 3\n" }));
  const sample = createCgroupReader(host).read(id);
  expect(sample).toMatchObject({ cpuTotal: 7000, memUsage: 50_000_000 });
  expect(sample?.readCounters()).toMatchObject({ throttling: null, pids: 2 });
});

test("a file of one number has that, and nothing else", () => {
  expect([toNumber("0"), toNumber(" 42\n"), toNumber("max\n")]).toEqual([0, 42, Number.POSITIVE_INFINITY]);
  for (const text of ["", "\n", "-1", "1.5", "4 2", "x4", "4x", "maxx"]) {
    expect(() => toNumber(text)).toThrow(new TypeError("Not a number"));
  }
});

test("lines of a key and a number are a record, other lines are ignored", () => {
  const text = "a 1\nb_c 22\n\nd x\n e 5\nf 6 7\ng  8\nh -9\ni.j 10";
  expect(toRecord(text)).toEqual({ a: 1, b_c: 22, "i.j": 10 });
  expect(figure({ a: 0 }, "a")).toBe(0);
  expect(() => figure({ a: 0 }, "b")).toThrow(new TypeError("No b"));
});

test("the relevant details of memory are read", () => {
  const lines = [
    "anon 1",
    "inactive_file 2",
    "total_inactive_file 3",
    "xinactive_file 4",
    "inactive_file 5 6",
    "inactive_files 7",
  ];
  expect(toMemDetail(lines.join("\n"))).toEqual({ inactive_file: 2, total_inactive_file: 3 });
  expect(toMemDetail("")).toEqual({});
});

test("the host's CPU time is the sum of seven columns, 0 if missing", () => {
  const text = "cpux 9\ncpu  1 2 3 4 5 6 7 800 900\ncpu0 1\ncpu10 1\nxcpu1 1\ncpu\nintr 1\n";
  expect(toHostCpu(text)).toEqual({ cpuSystem: 28 * 1e7, onlineCpus: 2 });
  expect(toHostCpu("cpu 5\n")).toEqual({ cpuSystem: 5e7, onlineCpus: 0 });
  expect(toHostCpu("")).toEqual({ cpuSystem: 0, onlineCpus: 0 });
});

test("CPU use of cgroup v2 is in microseconds, and needs its sum", () => {
  expect(toCpuV2("usage_usec 7\nnr_periods 0\n")).toEqual({
    cpuTotal: 7000,
    throttling: { periods: 0, throttledPeriods: 0, throttledNanoseconds: 0 },
  });
  expect(() => toCpuV2("user_usec 3\n")).toThrow(new TypeError("No usage_usec"));
});

test.each([
  [
    {
      "blkio/PATH/blkio.throttle.io_service_bytes_recursive": null,
      "blkio/PATH/blkio.bfq.io_service_bytes_recursive": null,
    },
    0,
    0,
  ],
  [{ "blkio/PATH/blkio.bfq.io_service_bytes_recursive": null }, 4097, 8194],
  [{ "blkio/PATH/blkio.bfq.io_service_bytes_recursive": "Total 5\n" }, 4097, 8194],
  [
    { "blkio/PATH/blkio.bfq.io_service_bytes_recursive": "8:0 Read 5\n18:16 Read 6\n8:0 Reads 7\n8:0 Write 8 9\n" },
    11,
    0,
  ],
])("blocks of %j are %i read and %i written (v1)", (change, read, written) => {
  using host = createCgroupFiles(`0::/docker/${id}\n`);
  host.write(v1Files(`docker/${id}`, change));
  expect(createCgroupReader(host).read(id)?.readCounters()?.blockIo).toEqual({ read, written });
});

test("blocks are the sum of all disks, and of their bytes alone (v2)", () => {
  using host = createCgroupFiles(`0::/docker/${id}\n`);
  host.write(v2Files(`docker/${id}`, { "io.stat": "8:0 xrbytes=7 rbytes=1 wbytes=20 rios=300\n8:16 rbytes=4\n" }));
  expect(createCgroupReader(host).read(id)?.readCounters()?.blockIo).toEqual({ read: 5, written: 20 });
  host.write(v2Files(`docker/${id}`, { "io.stat": "" }));
  expect(createCgroupReader(host).read(id)?.readCounters()?.blockIo).toEqual({ read: 0, written: 0 });
});

test("the kernel's files are parsed unchanged", () => {
  const key = fc.stringMatching(/^[a-z_]{1,20}$/);
  fc.assert(
    fc.property(fc.dictionary(key, fc.nat(), { noNullPrototype: true }), (record) => {
      const text = Object.entries(record).map(([name, value]) => `${name} ${value}\n`);
      expect(toRecord(text.join(""))).toEqual(record);
    }),
  );
  fc.assert(
    fc.property(
      fc.array(fc.nat(), { minLength: 10, maxLength: 10 }),
      fc.integer({ min: 1, max: 9 }),
      (fields, cpus) => {
        const lines = Array.from({ length: cpus }, (_, cpu) => `cpu${cpu} 1 2 3`);
        const { cpuSystem, onlineCpus } = toHostCpu([`cpu  ${fields.join(" ")}`, ...lines, "intr 1", ""].join("\n"));
        expect(onlineCpus).toBe(cpus);
        expect(cpuSystem).toBe(fields.slice(0, 7).reduce((sum, field) => sum + field) * 1e7);
      },
    ),
  );
});
