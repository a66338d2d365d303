import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { HostReport } from "../../src/hosts/host.ts";
import { OpsError } from "../../src/lib/errors.ts";
import type { Sample } from "../../src/prometheus/answer.ts";
import { metrics } from "../../src/prometheus/query.ts";
import { toHostReport } from "../../src/prometheus/report.ts";
import { finish } from "../support/steps.ts";

const thresholds = { cpu: 0.85, mem: 0.85 };
const value = fc.oneof(
  fc.constantFrom("0", "1", "NaN", "+Inf", "-Inf", "0.85", "-0", "", "0x10"),
  fc.double({ min: -0.5, max: 1.5, noNaN: true }).map(String),
);
const sample: fc.Arbitrary<Sample> = fc.record({
  labels: fc.record(
    {
      m: fc.constantFrom(...metrics, "__proto__"),
      job: fc.constantFrom("node", "other"),
      instance: fc.constantFrom("a:1", "b:1", "b:2", "__proto__"),
      nodename: fc.constantFrom("n", "", "b", "__proto__"),
    },
    { requiredKeys: ["m"] },
  ),
  value,
});

/** PromQL answers each label set once. */
const samples = fc.uniqueArray(sample, {
  maxLength: 60,
  selector: ({ labels }) =>
    JSON.stringify([
      labels["m"],
      labels["job"] ?? "",
      labels["instance"],
      labels["m"] === "uname" && labels["nodename"],
    ]),
});

function report(list: readonly Sample[]): HostReport | null {
  try {
    return finish(toHostReport({ samples: list, evaluatedAt: 1, warnings: [] }, thresholds));
  } catch (error) {
    if (!(error instanceof OpsError)) throw error;
    return null;
  }
}

it("any vector is a valid report or prometheus_unavailable, in any order", () => {
  let reports = 0;
  fc.assert(
    fc.property(samples, (list) => {
      const answer = report(list);
      expect(report(list.toReversed())).toEqual(answer);
      if (answer === null) return;
      reports += 1;
      const names = answer.hosts.map((host) => host.name);
      expect(names).toEqual([...new Set(names)].toSorted());
      for (const host of answer.hosts) {
        const shares = [host.cpuUtil, host.memUtil, host.diskUtil];
        const values = [...shares, host.load1, host.networkReceiveBytesPerSec, host.networkTransmitBytesPerSec];
        expect(values.every((each) => each === null || Number.isFinite(each))).toBe(true);
        expect(shares.every((share) => share === null || (share >= 0 && share <= 1))).toBe(true);
        expect(host.reason === null).toBe(values.every((each) => each !== null));
        const hot = (host.cpuUtil ?? 0) >= thresholds.cpu || (host.memUtil ?? 0) >= thresholds.mem;
        expect(host.alert).toBe(host.status === "down" || hot);
      }
    }),
    { numRuns: 500 },
  );
  expect(reports).toBeGreaterThan(100);
});
