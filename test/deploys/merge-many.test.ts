import { expect, it } from "vitest";
import type { DeployRecord } from "../../src/deploys/deploy.ts";
import * as merge from "../../src/deploys/merge.ts";
import { formatRfc3339 } from "../../src/lib/time.ts";
import { sampleRecord } from "../support/deploys.ts";
import { finish } from "../support/steps.ts";

const now = Date.UTC(2026, 0, 13);
let reads = 0;

/** Deploys of which each read of the version counts, as comparing releases does. */
function toCounted(count: number, change: (index: number) => Partial<DeployRecord>): DeployRecord[] {
  return Array.from({ length: count }, (_, index) => {
    const deployedAt = formatRfc3339(now - index * 900_000);
    const record = sampleRecord({ origin: "containers", deployedAt, ...change(index) });
    const { version } = record;
    return Object.defineProperty({ ...record }, "version", {
      enumerable: true,
      get: () => {
        reads += 1;
        return version;
      },
    });
  });
}

function countReads(count: number, change: (index: number) => Partial<DeployRecord>): number {
  const records = toCounted(count, change);
  reads = 0;
  expect(finish(merge.mergeDeploys(records, now / 1000))).toHaveLength(count);
  return reads / count;
}

const shapes: readonly (readonly [what: string, change: (index: number) => Partial<DeployRecord>])[] = [
  ["a release that was deployed often", () => ({ tag: "v1", version: "v1" })],
  ["a moving tag", () => ({ tag: "latest", version: "latest" })],
  ["many releases", (index) => ({ tag: `v${index}`, version: `v${index}` })],
];

it.each(shapes)("%s takes little longer for each of many", (_, change) => {
  expect(countReads(1600, change)).toBeLessThan(countReads(100, change) * 1.5);
});
