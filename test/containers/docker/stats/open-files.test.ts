import { mkdtempSync, readdirSync, readlinkSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createOpenFiles } from "../../../../src/containers/docker/stats/open-files.ts";

let folder = "";
beforeEach(() => {
  vi.useFakeTimers();
  folder = mkdtempSync(join(tmpdir(), "ops-open-"));
});
afterEach(() => {
  // What is open still is closed.
  vi.advanceTimersByTime(10_000);
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

/** The names of our files that this process has open. */
function opened(): string[] {
  const targets = readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return [];
    }
  });
  return targets.filter((target) => target.startsWith(folder)).map((target) => target.slice(folder.length + 1));
}
function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test("a file is opened once, and read anew each time", () => {
  const files = createOpenFiles();
  const path = write("cpu", "1\n");
  expect(files.read(path, "a")).toBe("1\n");
  write("cpu", "a longer text\n");
  expect(files.read(path, "a")).toBe("a longer text\n");
  write("cpu", "2");
  expect(files.read(path, "a")).toBe("2");
  expect(opened()).toEqual(["cpu"]);
});

test("another life is another file", () => {
  const files = createOpenFiles();
  const path = write("cpu", "old");
  expect(files.read(path, "a")).toBe("old");
  renameSync(path, join(folder, "before"));
  write("cpu", "new");
  expect(files.read(path, "a")).toBe("old");
  expect(files.read(path, "b")).toBe("new");
  expect(opened()).toEqual(["cpu"]);
});

test("a file that is not there is an error, and opened when it is", () => {
  const files = createOpenFiles();
  const path = join(folder, "late");
  expect(() => files.read(path, "a")).toThrow("ENOENT");
  write("late", "there");
  expect(files.read(path, "a")).toBe("there");
});

test("a file that cannot be read is closed", () => {
  const files = createOpenFiles();
  expect(() => files.read(folder, "a")).toThrow("EISDIR");
  expect(opened()).toEqual([]);
});

test("a long file is read whole", () => {
  const files = createOpenFiles();
  for (const length of [16_383, 16_384, 16_385, 100_000]) {
    expect(files.read(write("long", "x".repeat(length)), "a")).toHaveLength(length);
  }
});

test("files are closed once they are no longer read", () => {
  const files = createOpenFiles();
  const [one, two] = [write("one", "1"), write("two", "2")];
  for (let second = 0; second < 12; second += 1) {
    files.read(one, "a");
    if (second < 2) files.read(two, "a");
    vi.advanceTimersByTime(1000);
  }
  expect(opened()).toEqual(["one"]);
  vi.advanceTimersByTime(10_000);
  expect(opened()).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
  unlinkSync(one);
  expect(() => files.read(one, "a")).toThrow("ENOENT");
});

test("at most 400 are open; the others are read all the same", () => {
  const files = createOpenFiles();
  const paths = Array.from({ length: 450 }, (_, n) => write(`file-${n}`, String(n)));
  for (let round = 0; round < 2; round += 1) {
    expect(paths.map((path) => files.read(path, "a"))).toEqual(paths.map((_, n) => String(n)));
    expect(opened()).toHaveLength(400);
  }
});
