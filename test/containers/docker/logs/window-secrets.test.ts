import { Readable } from "node:stream";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { readLogWindow } from "../../../../src/containers/docker/logs/window.ts";
import { createSharedBudget } from "../../../../src/lib/budget/budget.ts";
import { protectSecrets } from "../../../../src/lib/redact/secrets.ts";
import { frame, splitBy, toEntries } from "../../../support/docker-frames.ts";

const secret = "value-of-our-own-canary";
protectSecrets([secret]);

async function read(text: string, sizes: readonly number[], search = {}): Promise<readonly string[]> {
  const whole = Buffer.concat(toEntries(0, Buffer.from(text)).map((entry) => frame("stdout", entry)));
  const options = { tail: 10, tty: false, size: null, ...search };
  const budget = createSharedBudget(new AbortController().signal);
  const { lines } = await readLogWindow(Readable.from(splitBy(whole, sizes)), options, budget);
  return lines.map(({ message }) => message);
}

test("a secret is hidden wherever it is divided, before any search", async () => {
  // Docker divides lines after 16 KiB.
  const place = fc.oneof(fc.nat(300), fc.integer({ min: 16_384 - secret.length, max: 16_384 }));
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(place, sizes, async (before, cuts) => {
      const text = `${"x".repeat(before)}${secret} end`;
      expect(await read(text, cuts)).toEqual([`${"x".repeat(before)}[redacted] end`]);
      expect(await read(text, cuts, { search: secret.slice(3, 12) })).toEqual([]);
    }),
    { numRuns: 30 },
  );
});

test("a secret at the cut of 64 KiB is redacted before the line is cut", async () => {
  for (let length = 1; length <= secret.length; length++) {
    const before = "x".repeat(65_536 - length);
    const [message] = await read(`${before}${secret} end`, [4000]);
    expect(message).toBe(`${before}${"[redacted] end".slice(0, length)}${length < 14 ? " [line cut at 64 KiB]" : ""}`);
  }
});

test("half a secret at the end of a cut line is redacted too", async () => {
  // Redaction makes these so much shorter that the end of what is read is shown.
  const long = `password=${"c".repeat(91)} `.repeat(700);
  for (let length = 1; length <= secret.length; length++) {
    const before = long.slice(0, 65_536 + 2048 - length - 3);
    const [message] = await read(`${before} x ${secret}${" y".repeat(9000)}`, [4000]);
    expect(message).toMatch(/^(?:password=\[redacted\] )+[^v]*x? \[line cut at 64 KiB\]$/);
  }
});
