import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { afterAll, expect, inject, it } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import { createHostSource, probePrometheus } from "../../src/prometheus/source.ts";
import { toBound } from "../support/bound.ts";
import { memoryInUse, rootFileSystem } from "../support/prometheus.ts";

const url = inject("prometheusUrl");
const thresholds = { cpu: 0.85, mem: 0.85 };
const never = new AbortController().signal;
const source = createHostSource({ url, thresholds, logger: silentLogger });
afterAll(() => source.close());

it("this machine's numbers agree with its kernel's", async () => {
  const before = Date.now();
  const { hosts, updatedAt } = await source.report(never);
  const [host] = hosts;
  expect(hosts).toMatchObject([{ name: hostname(), status: "up", reason: null }]);
  expect(updatedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  expect(Math.abs(Date.parse(updatedAt) - before)).toBeLessThan(toBound(2_000));
  // The sample is up to a second old, and other tests come and go.
  expect(Math.abs((host?.memUtil ?? -1) - memoryInUse(readFileSync("/proc/meminfo", "utf8")))).toBeLessThan(0.03);
  expect(Math.abs((host?.load1 ?? -9) - Number(readFileSync("/proc/loadavg", "utf8").split(" ")[0]))).toBeLessThan(1);
  const { size, available } = rootFileSystem();
  expect(host?.diskUtil).toBeGreaterThanOrEqual(1 - available / size - 0.01);
  expect(host?.networkReceiveBytesPerSec).toBeGreaterThanOrEqual(0);
});

it("the probe counts the hosts", async () => {
  expect(await probePrometheus({ url, thresholds })).toEqual({ ok: true, detail: "1 host" });
});
