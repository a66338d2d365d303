import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createLineRedactor } from "../../../src/lib/redact/sanitize.ts";
import { protectSecrets, redactCutSecret, redactOwnSecrets } from "../../../src/lib/redact/secrets.ts";

const secret = 'own/se"cret+canary';
protectSecrets([secret, "own/se", "tiny"]);

test.each([
  [`connecting with ${secret}, again ${secret}.`, "connecting with [redacted], again [redacted]."],
  [JSON.stringify({ a: secret }), '{"a":"[redacted]"}'],
  [`GET /?x=${encodeURIComponent(secret)}&y`, "GET /?x=[redacted]&y"],
  ["tiny words and own/se stay", "tiny words and own/se stay"],
])("%s is redacted to %s", (text, redacted) => {
  expect(redactOwnSecrets(text)).toBe(redacted);
});

test("own secrets are removed everywhere, also with invisible characters", () => {
  const noise = fc.stringMatching(/^[ -~]{0,30}$/).filter((text) => !text.includes("own/"));
  const invisible = fc.constantFrom("", "\u200b", "\x1b[31m", "\x00");
  fc.assert(
    fc.property(noise, noise, invisible, fc.nat(secret.length), (before, after, hidden, position) => {
      const divided = secret.slice(0, position) + hidden + secret.slice(position);
      expect(createLineRedactor()(`${before} ${divided} ${after}`)).not.toContain("cret+canary");
    }),
  );
});

test("the start of a truncated secret is removed, from four characters on", () => {
  for (let length = 4; length < secret.length; length++) {
    expect(redactCutSecret(`text ${secret.slice(0, length)}`)).toBe("text [redacted]");
  }
  expect(redactCutSecret("text own")).toBe("text own");
});

test("more secrets are added to those of before", () => {
  protectSecrets(["another-canary"]);
  expect(redactOwnSecrets(`another-canary ${secret}`)).toBe("[redacted] [redacted]");
});

test("a value of 8 characters is redacted, one of 7 is not", () => {
  protectSecrets(["8-chars!", "7-chars"]);
  expect(redactOwnSecrets("8-chars! 7-chars")).toBe("[redacted] 7-chars");
});

test.each([[["canary-one", "canary-one-and-more"]], [["canary-two-and-more", "canary-two"]]])(
  "of %j the longest is redacted first, in any order",
  (secrets) => {
    for (const one of secrets) protectSecrets([one]);
    for (const one of secrets) expect(redactOwnSecrets(`<${one}>`)).toBe("<[redacted]>");
    expect(redactCutSecret(`<${secrets.toSorted().at(-1)?.slice(0, -1)}`)).toBe("<[redacted]");
  },
);

test("a value is redacted in JSON and URL forms, and its context is left", () => {
  protectSecrets(['a "quoted" canary/1']);
  expect(redactOwnSecrets('{"a":"a \\"quoted\\" canary/1"} x=a%20%22quoted%22%20canary%2F1&')).toBe(
    '{"a":"[redacted]"} x=[redacted]&',
  );
});

test("a text that ends in the whole value is not truncated", () => {
  protectSecrets(["a-whole-one"]);
  expect(redactCutSecret("text a-whole-one")).toBe("text a-whole-one");
});
