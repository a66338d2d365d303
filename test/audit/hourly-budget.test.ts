import { expect, it } from "vitest";
import { createHourlyBudget } from "../../src/audit/hourly-budget.ts";

const hour = 3_600_000;

function setUp(perHour = 10) {
  let at = 0;
  const budget = createHourlyBudget(perHour, () => at);
  return { budget, pass: (ms: number) => (at += ms) };
}

it("used units return after an hour, each part by itself", () => {
  const { budget, pass } = setUp();
  budget.take("a", 7);
  pass(1000);
  budget.take("a", 3);
  expect(budget.left("a")).toEqual({ count: 0, retryAfterSeconds: 3599 });
  pass(hour - 1001);
  expect(budget.left("a")).toEqual({ count: 0, retryAfterSeconds: 1 });
  pass(1);
  expect(budget.left("a")).toEqual({ count: 7, retryAfterSeconds: 1 });
  pass(1000);
  expect(budget.left("a")).toEqual({ count: 10, retryAfterSeconds: 3600 });
});

it("holders have separate budgets", () => {
  const { budget } = setUp();
  budget.take("a", 10);
  expect([budget.left("a").count, budget.left("b").count]).toEqual([0, 10]);
});

it("a refund removes the newest use of that size, if there is one", () => {
  const { budget, pass } = setUp();
  budget.take("a", 2);
  pass(5000);
  budget.take("a", 2);
  budget.take("a", 5);
  budget.giveBack("a", 2);
  budget.giveBack("a", 3);
  budget.giveBack("b", 2);
  expect([budget.left("a"), budget.left("b")]).toEqual([
    { count: 3, retryAfterSeconds: 3595 },
    { count: 10, retryAfterSeconds: 3600 },
  ]);
});
