import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createLineCleaner } from "../../../src/lib/redact/sanitize.ts";
import { protectSecrets, redactCutSecret, redactOwnSecrets } from "../../../src/lib/redact/secrets.ts";

const secret = 'own/se"cret+canary';
protectSecrets([secret, "own/se", "tiny"]);

test.each([
  [`connecting with ${secret}, again ${secret}.`, "connecting with [redacted], again [redacted]."],
  [JSON.stringify({ a: secret }), '{"a":"[redacted]"}'],
  [`GET /?x=${encodeURIComponent(secret)}&y`, "GET /?x=[redacted]&y"],
  ["tiny words and own/se stay", "tiny words and own/se stay"],
])("%s", (text, redacted) => {
  expect(redactOwnSecrets(text)).toBe(redacted);
});

test("wherever it stands, also when something invisible divides it, nothing of it is left in a cleaned line", () => {
  const noise = fc.stringMatching(/^[ -~]{0,30}$/).filter((text) => !text.includes("own/"));
  const invisible = fc.constantFrom("", "\u200b", "\x1b[31m", "\x00");
  fc.assert(
    fc.property(noise, noise, invisible, fc.nat(secret.length), (before, after, hidden, position) => {
      const divided = secret.slice(0, position) + hidden + secret.slice(position);
      expect(createLineCleaner()(`${before} ${divided} ${after}`)).not.toContain("cret+canary");
    }),
  );
});

test("of a text that was cut in the middle of it no beginning is left, from four characters on", () => {
  for (let length = 4; length < secret.length; length++) {
    expect(redactCutSecret(`text ${secret.slice(0, length)}`)).toBe("text [redacted]");
  }
  expect(redactCutSecret("text own")).toBe("text own");
});

test("more are protected beside those of before", () => {
  protectSecrets(["another-canary"]);
  expect(redactOwnSecrets(`another-canary ${secret}`)).toBe("[redacted] [redacted]");
});

test("a value of 8 characters is hidden, one of 7 is not", () => {
  protectSecrets(["8-chars!", "7-chars"]);
  expect(redactOwnSecrets("8-chars! 7-chars")).toBe("[redacted] 7-chars");
});

test.each([[["canary-one", "canary-one-and-more"]], [["canary-two-and-more", "canary-two"]]])(
  "of %j the longest is hidden first, in whatever order they came",
  (secrets) => {
    for (const one of secrets) protectSecrets([one]);
    for (const one of secrets) expect(redactOwnSecrets(`<${one}>`)).toBe("<[redacted]>");
    expect(redactCutSecret(`<${secrets.toSorted().at(-1)?.slice(0, -1)}`)).toBe("<[redacted]");
  },
);

test("a value is hidden as JSON and URLs write it, with what stands around it left there", () => {
  protectSecrets(['a "quoted" canary/1']);
  expect(redactOwnSecrets('{"a":"a \\"quoted\\" canary/1"} x=a%20%22quoted%22%20canary%2F1&')).toBe(
    '{"a":"[redacted]"} x=[redacted]&',
  );
});

test("a text that ends in the whole value is no cut one", () => {
  protectSecrets(["a-whole-one"]);
  expect(redactCutSecret("text a-whole-one")).toBe("text a-whole-one");
});
