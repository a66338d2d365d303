import { expect, it } from "vitest";
import type { DeployVerdict } from "../../../src/deploys/verdict/types.ts";
import { usualWindowSeconds as usual } from "../../../src/deploys/verdict/windows.ts";
import { VerdictMemory } from "../../../src/graphql/deploys/verdict-memory.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleDeploy } from "../../support/deploys.ts";

const { principal } = createCaller();
const deploy = sampleDeploy();
const toVerdict = (outcome: DeployVerdict["outcome"], unfinished: string | null = null, unread: string[] = []) =>
  ({ outcome, unjudgeable: null, unfinished, unread, gaps: ["a gap"] }) as unknown as DeployVerdict;
const whole = toVerdict("clean");
const late = toVerdict("not_enough_data", "No time was left");

it("an incomplete verdict gives way to the last complete one", () => {
  const memory = new VerdictMemory();
  expect(memory.settle(principal, deploy, usual, late, 0)).toBe(late);
  expect(memory.settle(principal, deploy, usual, whole, 1000)).toBe(whole);
  expect(memory.settle(principal, deploy, usual, late, 21_000)).toEqual({
    ...whole,
    gaps: ["a gap", "judged 20 s ago: No time was left"],
  });
  expect(memory.settle(principal, deploy, usual, late, 302_000)).toBe(late);
});

it.each(["clean", "not_enough_data"] as const)("a silent source does not end a regression in it (%s)", (outcome) => {
  const memory = new VerdictMemory();
  const worse = toVerdict("regressed");
  const silent = toVerdict(outcome, null, ["crm"]);
  memory.settle(principal, deploy, usual, worse, 0);
  expect(memory.settle(principal, deploy, usual, silent, 60_000)).toEqual({
    ...worse,
    gaps: ["a gap", "judged 60 s ago: its jobs may be in what could not be read: crm"],
  });
  expect(memory.settle(principal, deploy, usual, silent, 3_600_000)).toMatchObject({ outcome: "regressed" });
  expect(memory.settle(principal, deploy, usual, silent, 3_601_000)).toBe(silent);
  expect(memory.find(principal, deploy, usual, 3_602_000)).toEqual({ verdict: silent, at: 3_601_000 });
  // It is incomplete, so it does not displace the next one.
  expect(memory.settle(principal, deploy, usual, silent, 3_603_000)).toBe(silent);
  expect(memory.settle(principal, deploy, usual, whole, 3_604_000)).toBe(whole);
});

it("a worse but incomplete verdict is not remembered", () => {
  const memory = new VerdictMemory();
  const worse = toVerdict("regressed");
  const partly = toVerdict("regressed", null, ["crm"]);
  memory.settle(principal, deploy, usual, worse, 0);
  expect(memory.settle(principal, deploy, usual, partly, 10_000)).toBe(partly);
  const silent = toVerdict("not_enough_data", null, ["crm"]);
  expect(memory.settle(principal, deploy, usual, silent, 20_000)).toMatchObject({ outcome: "regressed" });
  expect(memory.find(principal, deploy, usual, 20_000)).toEqual({ verdict: worse, at: 0 });
  // If no complete one is left, it is better than none.
  expect(memory.settle(principal, deploy, usual, partly, 3_601_000)).toBe(partly);
  expect(memory.find(principal, deploy, usual, 3_601_000)?.verdict).toBe(partly);
});

it("a deploy that was never judged is judged once it can be", () => {
  const memory = new VerdictMemory();
  const silent = toVerdict("not_enough_data", null, ["crm"]);
  memory.settle(principal, deploy, usual, { ...toVerdict("not_enough_data"), unjudgeable: "other_service" }, 0);
  expect(memory.settle(principal, deploy, usual, silent, 1000)).toBe(silent);
});

it("an incomplete verdict stands if something is worse", () => {
  const memory = new VerdictMemory();
  memory.settle(principal, deploy, usual, whole, 0);
  const worse = toVerdict("regressed", "No time was left");
  expect(memory.settle(principal, deploy, usual, worse, 1000)).toBe(worse);
  expect(memory.find(principal, deploy, usual, 1000)?.verdict).toBe(whole);
});

it("a verdict counts only for the same deploy, windows and rights", () => {
  const memory = new VerdictMemory();
  memory.settle(principal, deploy, 600, whole, 0);
  expect(memory.find(principal, deploy, usual, 0)).toBeNull();
  memory.settle(principal, deploy, usual, whole, 0);
  expect(memory.find(principal, deploy, 600, 0)).toBeNull();
  expect(memory.find(principal, sampleDeploy({ tag: "v99" }), usual, 0)).toBeNull();
  expect(memory.find(createCaller(undefined, ["staging"]).principal, deploy, usual, 0)).toBeNull();
  expect(memory.find(principal, deploy, usual, 0)).toEqual({ verdict: whole, at: 0 });
});

it("verdicts are remembered up to a thousand, the newest ones", () => {
  const memory = new VerdictMemory();
  const toDeploy = (index: number) => sampleDeploy({ tag: `v${index}` });
  for (let index = 0; index <= 1000; index += 1) memory.settle(principal, toDeploy(index), usual, whole, 0);
  expect(memory.find(principal, toDeploy(0), usual, 0)).toBeNull();
  expect(memory.find(principal, toDeploy(1), usual, 0)).not.toBeNull();
});
