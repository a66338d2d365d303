import { expect, it } from "vitest";
import { toNear, toNearest } from "../../src/lib/text.ts";

const known = ["web", "worker", "payouts-worker", "wallet-web-production-4f5e6d7", "cron"];

it.each([
  ["wbe", ["web", "wallet-web-production-4f5e6d7"]],
  ["ebw", []],
  ["wep", ["web", "wallet-web-production-4f5e6d7"]],
  ["payots", ["payouts-worker"]],
  ["workers", ["worker", "payouts-worker"]],
  ["production", ["wallet-web-production-4f5e6d7"]],
  ["postgres", []],
])("near %s is what differs by few characters, as a whole or in a word", (text, near) => {
  expect(toNear(text, known)).toEqual(near);
});

it.each([
  ["wep", ["web"]],
  ["WBE", ["web"]],
  ["crom", ["cron"]],
  ["work", ["worker", "payouts-worker"]],
  ["my-cron-job", ["cron"]],
  ["postgres", []],
  ["", []],
])("a misspelt %s stands for the names that differ least as a whole", (text, nearest) => {
  expect(toNearest(text, known)).toEqual(nearest);
});
