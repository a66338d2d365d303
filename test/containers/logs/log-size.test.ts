import { expect, test } from "vitest";
import { toLineBytes } from "../../../src/containers/logs/log.ts";
import { createLineRedactor } from "../../../src/lib/redact/sanitize.ts";

const clean = createLineRedactor();
const characters = ['"', "\\", "\t", "\u0000", "\u001b", "\n", "\u2028", "a", "é", "€", "😀", "\ud800", "'", "/"];

test.each(["", "plain", '{"level":"info","path":"C:\\\\x"}', "\ta\tb", "é€😀", characters.join("")])(
  "a cleaned line has as many bytes as its JSON: %j",
  (text) => {
    // Text that comes from an engine is decoded from bytes: it has no half characters.
    const message = clean(Buffer.from(text).toString());
    expect(toLineBytes({ message })).toBe(Buffer.byteLength(JSON.stringify(message)) + 100);
  },
);

test("each character that JSON escapes counts one byte more", () => {
  const texts = ["", "a", '"', '""', 'a"', '"a', "\\", "\t\t\t", '"\\\t', "é", "€"];
  expect(texts.map((message) => toLineBytes({ message }) - 102)).toEqual([0, 1, 2, 4, 3, 3, 2, 6, 6, 2, 3]);
});
