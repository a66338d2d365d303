import { describe, expect, it } from "vitest";
import { SeenLines } from "../../src/client/log-seen.ts";
import { at } from "../support/logs.ts";
import { roleLine } from "../support/terminal-log.ts";

function read(seen: SeenLines, lines: readonly ReturnType<typeof roleLine>[], from: string | null = null): string[] {
  seen.begin(from);
  return lines.filter((line) => seen.take(line)).map(({ message }) => message);
}

const other = { container: { name: "web-2", engine: "own", version: "v1" } };

describe("lines that are read again", () => {
  it("are left out, and all after them are shown", () => {
    const seen = new SeenLines(null, true);
    expect(read(seen, [roleLine(1, "a"), roleLine(2, "b")])).toEqual(["a", "b"]);
    expect(read(seen, [roleLine(1, "a"), roleLine(2, "b"), roleLine(3, "c")])).toEqual(["c"]);
  });

  it("are left out as often as lines of their time were seen", () => {
    const seen = new SeenLines(null, true);
    expect(read(seen, [roleLine(1, "same"), roleLine(1, "same")])).toHaveLength(2);
    expect(read(seen, [roleLine(1, "same"), roleLine(1, "same"), roleLine(1, "same")])).toHaveLength(1);
    expect(
      read(
        seen,
        Array.from({ length: 4 }, () => roleLine(1, "same")),
      ),
    ).toHaveLength(1);
  });

  it("are those of one stream of one container, on one engine", () => {
    const seen = new SeenLines(null, true);
    read(seen, [roleLine(5, "a")]);
    const others = [
      roleLine(4, "stderr", { stream: "STDERR" }),
      roleLine(4, "container", other),
      roleLine(4, "engine", { container: { name: "web-1", engine: "far", version: "v1" } }),
    ];
    expect(read(seen, [roleLine(4, "old"), roleLine(5, "a"), ...others])).toEqual(["stderr", "container", "engine"]);
  });

  it("are new in one reading, even with an earlier time", () => {
    const seen = new SeenLines(null, true);
    expect(read(seen, [roleLine(9, "a"), roleLine(3, "clock set back")])).toHaveLength(2);
  });
});

describe("where a reading goes on", () => {
  it("is 2 s before the newest line, and not before the first", () => {
    const seen = new SeenLines(null, true);
    expect(seen.resumeAt).toBeNull();
    read(seen, [roleLine(1000, "a")]);
    expect(seen.resumeAt).toBe(at(1000));
    read(seen, [roleLine(9000, "b")]);
    expect(seen.resumeAt).toBe(at(7000));
  });

  it("is the wanted time while nothing was seen, and never before it", () => {
    const seen = new SeenLines(at(5000), false);
    expect(seen.resumeAt).toBe(at(5000));
    read(seen, [roleLine(6000, "a")]);
    expect(seen.resumeAt).toBe(at(5000));
  });

  it("stays where a container was whose engine is lost", () => {
    const seen = new SeenLines(null, true);
    read(seen, [roleLine(0, "a"), roleLine(4000, "b")]);
    seen.holdBack("web-2");
    read(seen, [roleLine(60_000, "c")]);
    expect(seen.resumeAt).toBe(at(2000));
    read(seen, [roleLine(60_001, "d", other)]);
    expect(seen.resumeAt).toBe(at(58_001));
  });
});

it("lines may be missing where a container's last one does not come again", () => {
  const seen = new SeenLines(null, true);
  read(seen, [roleLine(1, "a"), roleLine(2, "other", other), roleLine(3, "b")]);
  seen.begin(at(0));
  expect(seen.mayMiss([roleLine(3, "b"), roleLine(9, "c")])).toBe(false);
  expect(seen.mayMiss([roleLine(2, "other", other), roleLine(9, "c")])).toBe(true);
  seen.begin(at(3));
  expect(seen.mayMiss([roleLine(9, "later", other)])).toBe(false);
});

it("a marker is shown once, whatever time it has", () => {
  const seen = new SeenLines(null, true);
  const marker = (ms: number) => roleLine(ms, "release v2 begins", { kind: "MARKER", stream: null });
  expect(read(seen, [roleLine(0, "a"), marker(10_000), roleLine(11_000, "b")])).toHaveLength(3);
  expect(read(seen, [marker(10_700), roleLine(11_000, "b")])).toEqual([]);
  expect(read(seen, [roleLine(5000, "old", { kind: "MARKER", stream: null })])).toEqual([]);
});
