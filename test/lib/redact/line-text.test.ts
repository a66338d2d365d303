import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cleanText } from "../../../src/lib/redact/line-text.ts";

describe("cleanText", () => {
  it("removes what could break a line or disguise a name", () => {
    expect(cleanText(" a\u0000b\nc\u001b[31md\u202ee\u200bf\u2028g\u0085h ")).toBe("abc[31mdefgh");
    expect(cleanText("Zoë 日本 👍")).toBe("Zoë 日本 👍");
    expect(cleanText("half \ud83d of one")).toBe("half \ufffd of one");
    expect(cleanText(" by token=hunter2\u200bhunter2 ")).toBe("by token=[redacted]");
  });

  it("leaves one well-formed line whatever comes, and nothing more to clean", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const clean = cleanText(text);
        expect(clean.isWellFormed()).toBe(true);
        expect(clean).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect(cleanText(clean)).toBe(clean);
      }),
    );
  });
});
