import { expect, it } from "vitest";
import { toNear } from "../../src/terminal/near.ts";

const known = ["web", "worker", "payouts-worker", "wallet-web-production-4f5e6d7", "cron"];

it.each([
  ["wbe", []],
  ["wep", ["web", "wallet-web-production-4f5e6d7"]],
  ["payots", ["payouts-worker"]],
  ["workers", ["worker", "payouts-worker"]],
  ["production", ["wallet-web-production-4f5e6d7"]],
  ["postgres", []],
])("near %s is what differs by few characters, as a whole or in a word", (text, near) => {
  expect(toNear(text, known)).toEqual(near);
});
