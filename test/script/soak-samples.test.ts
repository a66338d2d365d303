import { describe, expect, it } from "vitest";
import { parseSample, type Sample, toGrowth } from "../../bench/soak/samples.ts";

/** A sample each five seconds of an hour. */
function sampleHour(toRss: (minute: number) => number): readonly Sample[] {
  return Array.from({ length: 721 }, (_, index) => {
    const seconds = index * 5;
    return { seconds, rss: toRss(seconds / 60), heap: 0, external: 0, descriptors: 0 };
  });
}

describe("the growth of a gauge", () => {
  it("is measured from a third of the time on", () => {
    const growth = toGrowth(
      sampleHour((minute) => (minute < 20 ? minute * 10 : 200)),
      "rss",
    );
    expect(growth).toEqual({ slope: 0, first: 200, last: 200, percent: 0 });
  });

  it("is a slope an hour, and per cent of the first five minutes", () => {
    const { slope, first, last, percent } = toGrowth(
      sampleHour((minute) => 180 + minute),
      "rss",
    );
    expect(slope).toBeCloseTo(60, 6);
    expect([first, last]).toEqual([202.5, 237.5]);
    expect(percent).toBeCloseTo((35 / 202.5) * 100, 6);
  });

  it("is not moved by single peaks", () => {
    const growth = toGrowth(
      sampleHour((minute) => (minute === 58 || minute === 21 ? 900 : 200)),
      "rss",
    );
    expect(growth).toMatchObject({ first: 200, last: 200, percent: 0 });
  });
});

it("a sample is read from /metrics in megabytes", () => {
  const text = [
    "# TYPE process_resident_memory_bytes gauge",
    "process_resident_memory_bytes 150000000",
    "process_open_fds 41",
    "nodejs_heap_size_used_bytes 6.2e7",
    "nodejs_heap_size_total_bytes 9e7",
    "nodejs_external_memory_bytes 14500000",
    "",
  ].join("\n");
  expect(parseSample(text, 5)).toEqual({ seconds: 5, rss: 150, heap: 62, external: 14.5, descriptors: 41 });
});
