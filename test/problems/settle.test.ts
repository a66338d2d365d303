import { describe, expect, it } from "vitest";
import { problemThresholds } from "../../src/problems/rules.ts";
import { settleListing } from "../../src/problems/settle.ts";
import { sampleContainer, sampleEngine } from "../support/containers.ts";

const nowMs = Date.parse("2026-01-13T10:00:00Z");
const heldMs = problemThresholds.lostSeconds * 1000;
const error = { code: "docker_unavailable", message: "refused" };
const lost = (lostAt: number | null, name = "a") => sampleEngine({ name, ok: false, error, lostAt });
const row = (engine: string) => sampleContainer({ name: `web-${engine}`, engine, stale: true });

describe("an engine that was just lost", () => {
  it("counts as one that answers, with what it ran", () => {
    const engine = lost(nowMs - heldMs + 1);
    const settled = settleListing({ containers: [row("a")], engines: [engine] }, nowMs);
    expect(settled.containers).toEqual([{ ...row("a"), stale: false }]);
    expect(settled.engines).toEqual([{ ...engine, ok: true, error: null, lostAt: null }]);
  });

  it.each([
    ["for as long as it is held back", nowMs - heldMs],
    ["and was never listed", null],
  ])("%s is lost at once", (_what, lostAt) => {
    const listing = { containers: [row("a")], engines: [lost(lostAt)] };
    expect(settleListing(listing, nowMs)).toBe(listing);
  });

  it("leaves the others unchanged", () => {
    const listing = {
      containers: [row("a"), row("b"), sampleContainer({ engine: "c" })],
      engines: [lost(nowMs - heldMs), lost(nowMs, "b"), sampleEngine({ name: "c" })],
    };
    const { containers, engines } = settleListing(listing, nowMs);
    expect(containers.map(({ stale }) => stale)).toEqual([true, false, false]);
    expect(engines.map(({ ok }) => ok)).toEqual([false, true, true]);
    expect([containers[0], engines[0]]).toEqual([listing.containers[0], listing.engines[0]]);
  });
});
