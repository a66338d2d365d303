import { expect, test } from "vitest";
import { countHeader } from "../../src/auth/authenticator.ts";

test.each([
  [[], 0],
  [["Host", "a"], 1],
  [["HOST", "a", "host", "b", "Host", "c"], 3],
  [["X", "host", "Hosts", "host", "hos", "host"], 0],
  [["Most", "host"], 0],
])("in %j a host is named %d times", (rawHeaders, count) => {
  expect(countHeader(rawHeaders, "host")).toBe(count);
});
