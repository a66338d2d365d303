import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createNameEscaper, escapeMessage, escapeName, unescapeName } from "../../../src/lib/redact/names.ts";
import { hostileText, unsafe } from "../../support/hostile-text.ts";

describe("an escaped name", () => {
  it.each([
    ["web", "web"],
    ["Zoë 日本 👍 <b> U+202E", "Zoë 日本 👍 <b> U+202E"],
    ["web\u202e", "web<U+202E>"],
    ["\u001b[31m\u0007\u009b\n\t", "<U+001B>[31m<U+0007><U+009B><U+000A><U+0009>"],
    ["a\u{e0041}\ud83d", "a<U+E0041><U+D83D>"],
    ["<U+202E>", "<U+003C>U+202E>"],
    // Characters that no font shows: fillers, joiners, vowels without a form, selectors of
    // variants.
    ["a\u3164\u115f\uffa0\u034f\u17b4\ufe0f\u{e0100}", "a<U+3164><U+115F><U+FFA0><U+034F><U+17B4><U+FE0F><U+E0100>"],
    // Blanks: one of braille, spaces that are not the plain one, fillers of Hangul, a note head of
    // music without a form.
    [
      "a b\u2800\u00a0\u1680\u2003\u202f\u3000\u1160\u{1d159}",
      "a b<U+2800><U+00A0><U+1680><U+2003><U+202F><U+3000><U+1160><U+1D159>",
    ],
  ])("of %j is %j", (name, shown) => {
    expect([escapeName(name), unescapeName(shown)]).toEqual([shown, name]);
  });

  it("has no unsafe character, and leads back to the name", () => {
    fc.assert(
      fc.property(hostileText, (name) => {
        const shown = escapeName(name);
        expect(shown).not.toMatch(unsafe);
        expect(unescapeName(shown)).toBe(name);
      }),
      { numRuns: 1000 },
    );
  });

  it("is never that of another name", () => {
    fc.assert(
      fc.property(hostileText, hostileText, (one, other) => {
        expect(escapeName(one) === escapeName(other)).toBe(one === other);
        // What no name is shown as names itself: a client cannot reach one name by two texts.
        expect(escapeName(unescapeName(other)) === other || unescapeName(other) === other).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it("stays as it is in a message, escaped once or many times", () => {
    expect(escapeMessage("no queue web<U+202E>\u0007")).toBe("no queue web<U+202E><U+0007>");
    fc.assert(
      fc.property(hostileText, (text) => {
        const message = escapeMessage(text);
        expect(message).not.toMatch(unsafe);
        expect(escapeMessage(message)).toBe(message);
      }),
    );
  });
});

describe("the names of one thing", () => {
  it("are escaped as alone, as far as the characters go", () => {
    const texts = fc.array(fc.oneof(hostileText, fc.string({ unit: "binary", maxLength: 20 })), { maxLength: 4 });
    fc.assert(
      fc.property(texts, fc.nat(40), (names, most) => {
        const escape = createNameEscaper(most);
        let left = most;
        for (const name of names) {
          const shown = escape(name);
          const start = escapeName(name) === name ? name : name.slice(0, left);
          expect(shown).toBe(start === name ? escapeName(name) : `${escapeName(start)}…`);
          expect(shown).not.toMatch(unsafe);
          if (escapeName(name) !== name) left -= start.length;
        }
      }),
      { numRuns: 300 },
    );
  });
});
