import { describe, expect, it } from "vitest";
import {
  findStateSince,
  pairRecords,
  type StoryEntry,
  storyOf,
} from "../../../../../src/console/app/parts/containers/story.ts";
import { sampleContainerRecord } from "../../../../support/console.ts";

const name = "wallet-core-web-staging-0a1b2c3";

function sampleEntry(over: Partial<StoryEntry>): StoryEntry {
  return {
    time: "2026-11-27T07:10:00Z",
    kind: "HEALTH",
    message: `${name} is healthy`,
    container: name,
    engine: "web-1",
    from: null,
    to: null,
    who: null,
    exitCode: null,
    requested: false,
    version: null,
    ...over,
  };
}

describe("story of a container", () => {
  it("has its own entries and the gaps of its engine", () => {
    const own = sampleEntry({});
    const gap = sampleEntry({ kind: "GAP", container: null });
    const entries = [
      own,
      gap,
      sampleEntry({ container: "redis" }),
      sampleEntry({ engine: "web-2" }),
      sampleEntry({ kind: "GAP", container: null, engine: "web-2" }),
    ];
    expect(storyOf(entries, name, "web-1")).toEqual([own, gap]);
  });
});

describe("since when a container is in its state", () => {
  const startedAt = "2026-11-27T07:00:00Z";
  const death = sampleEntry({ kind: "CONTAINER_DEATH", time: "2026-11-27T07:20:00Z" });

  it("is its newest change of health while it runs", () => {
    const story = [sampleEntry({ time: "2026-11-27T07:12:00Z" }), sampleEntry({ time: "2026-11-27T07:11:00Z" })];
    expect(findStateSince({ status: "running", startedAt }, story)).toBe("2026-11-27T07:12:00Z");
  });

  it("is its start when its health changed before it", () => {
    expect(findStateSince({ status: "running", startedAt }, [sampleEntry({ time: "2026-11-27T06:59:59Z" })])).toBe(
      startedAt,
    );
    expect(findStateSince({ status: "running", startedAt }, [])).toBe(startedAt);
  });

  it("is its newest end when it does not run", () => {
    expect(findStateSince({ status: "exited", startedAt }, [sampleEntry({}), death])).toBe(death.time);
  });

  it("is unknown while it is paused, whatever ended before", () => {
    expect(findStateSince({ status: "paused", startedAt }, [death])).toBeNull();
  });

  it("is unknown when nobody saw it end", () => {
    expect(findStateSince({ status: "exited", startedAt }, [sampleEntry({})])).toBeNull();
  });
});

describe("records of a container", () => {
  const intent = sampleContainerRecord({ seq: 5 });
  const ok = sampleContainerRecord({ seq: 7, intent: 5, outcome: "ok", detail: "running", durationMs: 431 });

  it("are one action for an intent and its last outcome", () => {
    const unknown = sampleContainerRecord({ seq: 6, intent: 5, outcome: "unknown", detail: "no answer" });
    expect(pairRecords([ok, unknown, intent], name, "web-1")).toEqual([
      {
        seq: 5,
        at: intent.at,
        action: "restart",
        subject: "root",
        reason: "leak",
        outcome: "ok",
        detail: "running",
        durationMs: 431,
      },
    ]);
  });

  it("are running before there is an outcome", () => {
    expect(pairRecords([intent], name, "web-1")).toMatchObject([{ seq: 5, outcome: "running", durationMs: null }]);
  });

  it("have an outcome alone when its intent is not on the page", () => {
    expect(pairRecords([ok], name, "web-1")).toMatchObject([{ seq: 7, outcome: "ok" }]);
  });

  it("are those of this container on this engine, newest first", () => {
    const entries = [
      sampleContainerRecord({ seq: 1 }),
      sampleContainerRecord({ seq: 2, containerName: "redis" }),
      sampleContainerRecord({ seq: 3, engine: "web-2" }),
      sampleContainerRecord({ seq: 4 }),
    ];
    expect(pairRecords(entries, name, "web-1").map(({ seq }) => seq)).toEqual([4, 1]);
  });
});
