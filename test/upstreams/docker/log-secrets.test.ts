import { createSharedBudget } from "../../../src/budget/budget.ts";
import { Readable } from "node:stream";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { protectSecrets } from "../../../src/domain/own-secrets.ts";
import { readLogWindow } from "../../../src/upstreams/docker/log-window.ts";
import { frame, splitBy, toEntries } from "../../support/docker-frames.ts";

const secret = "value-of-our-own-canary";
protectSecrets([secret]);

async function read(text: string, sizes: readonly number[], search = {}): Promise<readonly string[]> {
  const whole = Buffer.concat(toEntries(0, Buffer.from(text)).map((entry) => frame("stdout", entry)));
  const options = { tail: 10, tty: false, size: null, ...search };
  const budget = createSharedBudget(new AbortController().signal);
  const { lines } = await readLogWindow(Readable.from(splitBy(whole, sizes)), options, budget);
  return lines.map(({ message }) => message);
}

test("a secret of our own is hidden wherever chunks and entries divide it, before any search", async () => {
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

test("the end of a line that is cut at 64 KiB leaves no beginning of it", async () => {
  for (let length = 4; length < secret.length; length++) {
    const [message] = await read(`${"x".repeat(65_536 - length)}${secret} end`, [4000]);
    expect(message).toBe(`${"x".repeat(65_536 - length)}[redacted] [line cut at 64 KiB]`);
  }
});
