import { expect, test } from "vitest";
import { createThrottle, toNetwork } from "../../src/http/throttle.ts";

function createClock() {
  let time = 0;
  return { now: () => time, pass: (ms: number) => (time += ms) };
}

test("a burst, then as many as are earned back", () => {
  const clock = createClock();
  const throttle = createThrottle({ burst: 3, perSecond: 2, now: clock.now });
  expect([1, 2, 3].map(() => throttle.hit(toNetwork("10.0.0.1")))).toEqual([0, 0, 0]);
  expect(throttle.hit(toNetwork("10.0.0.1"))).toBe(1);
  expect(throttle.hit(toNetwork("10.0.0.2"))).toBe(0);
  clock.pass(500);
  expect(throttle.hit(toNetwork("10.0.0.1"))).toBe(0);
  expect(throttle.hit(toNetwork("10.0.0.1"))).toBe(1);
  clock.pass(3_600_000);
  expect([1, 2, 3, 4].map(() => throttle.hit(toNetwork("10.0.0.1")))).toEqual([0, 0, 0, 1]);
});

test("one IPv6 network is one client; mapped IPv4 is the IPv4 address", () => {
  const throttle = createThrottle({ burst: 1, perSecond: 0.1, now: () => 0 });
  expect(throttle.hit(toNetwork("2001:db8:1:2::1"))).toBe(0);
  expect(throttle.hit(toNetwork("2001:db8:1:2:ffff:ffff:ffff:ffff"))).toBe(10);
  expect(throttle.hit(toNetwork("2001:db8:1:3::1"))).toBe(0);
  expect(throttle.hit(toNetwork("::1"))).toBe(0);
  expect(throttle.hit(toNetwork("::ffff:10.0.0.1"))).toBe(0);
  expect(throttle.hit(toNetwork("10.0.0.1"))).toBe(10);
});

test("memory is bounded: the longest unseen address is forgotten", () => {
  const throttle = createThrottle({ burst: 1, perSecond: 0.001, maxKeys: 100, now: () => 0 });
  throttle.hit("old");
  for (let index = 0; index < 99; index += 1) throttle.hit(`address-${index}`);
  expect(throttle.hit("old")).toBeGreaterThan(0);
  throttle.hit("one-more");
  expect(throttle.hit("address-0")).toBe(0);
  expect(throttle.hit("old")).toBeGreaterThan(0);
});
