import { expect, it } from "vitest";
import { createRecentRestarts } from "../../../../src/containers/docker/engine/events.ts";

const fullId = "a".repeat(64);
const since = new Date("2026-01-13T09:46:00.500Z");
const event = (action: string, time: string) => ({ action, time, fullId, detail: "", attributes: {} });

it.each([
  ["Docker's order", ["start", "restart"], true],
  ["Podman's order", ["restart", "start"], true],
  ["a start alone: the container's own policy", ["start"], false],
  ["a restart whose start is still to come", ["restart"], false],
  ["nothing of the kind", ["die", "kill", "stop"], false],
] as const)("%s", (_, actions, expected) => {
  const witness = createRecentRestarts();
  for (const action of actions) witness.record(event(action, "2026-01-13T09:46:01.000000001Z"));
  expect(witness.has(fullId, since)).toBe(expected);
  expect(witness.has("b".repeat(64), since)).toBe(false);
});

it("takes no restart of before for one of after", () => {
  const witness = createRecentRestarts();
  for (const action of ["start", "restart"]) witness.record(event(action, "2026-01-13T09:46:00.400000000Z"));
  witness.record(event("start", "2026-01-13T09:46:02.000000000Z"));
  expect(witness.has(fullId, since)).toBe(false);
});
