import { expect, test } from "vitest";
import { createThrottle } from "../../src/auth/throttle.ts";

function createClock() {
  let time = 0;
  return { now: () => time, pass: (ms: number) => (time += ms) };
}

test("a burst passes, then as many as have been earned back", () => {
  const clock = createClock();
  const throttle = createThrottle({ burst: 3, perSecond: 2, now: clock.now });
  expect([1, 2, 3].map(() => throttle.hit("10.0.0.1"))).toEqual([0, 0, 0]);
  expect(throttle.hit("10.0.0.1")).toBe(1);
  expect(throttle.hit("10.0.0.2")).toBe(0);
  clock.pass(500);
  expect(throttle.hit("10.0.0.1")).toBe(0);
  expect(throttle.hit("10.0.0.1")).toBe(1);
  clock.pass(3_600_000);
  expect([1, 2, 3, 4].map(() => throttle.hit("10.0.0.1"))).toEqual([0, 0, 0, 1]);
});

test("memory is bounded: the longest unseen address is dropped", () => {
  const throttle = createThrottle({ burst: 1, perSecond: 0.001, maxKeys: 100, now: () => 0 });
  throttle.hit("old");
  for (let index = 0; index < 99; index += 1) throttle.hit(`address-${index}`);
  expect(throttle.hit("old")).toBeGreaterThan(0);
  throttle.hit("one-more");
  expect(throttle.hit("address-0")).toBe(0);
  expect(throttle.hit("old")).toBeGreaterThan(0);
});

test("the wait is the time until the next event is earned", () => {
  const clock = createClock();
  const throttle = createThrottle({ burst: 1, perSecond: 0.1, now: clock.now });
  expect([throttle.hit("a"), throttle.hit("a")]).toEqual([0, 10]);
  clock.pass(4000);
  expect(throttle.hit("a")).toBe(6);
  clock.pass(5999);
  expect(throttle.hit("a")).toBe(1);
  clock.pass(1);
  expect(throttle.hit("a")).toBe(0);
});

test("10,000 addresses are remembered by default", () => {
  const throttle = createThrottle({ burst: 1, perSecond: 0.000_001 });
  for (let index = 0; index < 10_000; index += 1) throttle.hit(`address-${index}`);
  expect(throttle.hit("address-0")).toBeGreaterThan(0);
  throttle.hit("one-more");
  expect([throttle.hit("address-0") > 0, throttle.hit("address-1")]).toEqual([true, 0]);
});
