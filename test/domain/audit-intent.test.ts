import { expect, it } from "vitest";
import { cleanReason } from "../../src/domain/audit-intent.ts";

it.each([
  [null, null],
  ["", null],
  [" \u200B ", null],
  ["  leak\nof memory  ", "leak of memory"],
])("the reason %j is recorded as %j", (reason, recorded) => {
  expect(cleanReason(reason)).toBe(recorded);
});
