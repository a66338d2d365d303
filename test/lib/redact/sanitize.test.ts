import { generateKeyPairSync } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import {
  countKeyRest,
  sanitiseName,
  redactStart,
  redactText,
  createLineRedactor,
  cutMargin,
} from "../../../src/lib/redact/sanitize.ts";
import { protectSecrets } from "../../../src/lib/redact/secrets.ts";

const key = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});
const lines = key.privateKey.trim().split("\n");

test("a private key over many lines is removed, and the rest is left", () => {
  const clean = createLineRedactor();
  const out = ["before", ...lines, "after"].map(clean);
  expect(out).toEqual(["before", ...lines.map(() => "[redacted]"), "after"]);
});

test("a key with a prefix before each line, and colours, is removed", () => {
  const clean = createLineRedactor();
  const out = lines.map((line) => clean(`\x1b[32m12:00 app |\x1b[0m ${line}`));
  expect(out.slice(1)).toEqual(lines.slice(1).map(() => "[redacted]"));
  expect(out[0]).toBe("12:00 app | [redacted]");
});

test("a key whose beginning was not read is removed", () => {
  const clean = createLineRedactor();
  const out = lines.slice(3, -2).map(clean);
  expect(out).toEqual(out.map(() => "[redacted]"));
  expect(clean("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")).toMatch(/^9f86/);
});

test("a beginning alone hides no ordinary line after it", () => {
  const clean = createLineRedactor();
  clean("-----BEGIN PRIVATE KEY-----");
  expect(["listening on port 8080 now", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"].map(clean)).toEqual([
    "listening on port 8080 now",
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
  ]);
});

test("public keys and certificates are no secrets by their header", () => {
  expect(createLineRedactor()("-----BEGIN CERTIFICATE-----")).toBe("-----BEGIN CERTIFICATE-----");
});

test("a secret that an invisible character divides is redacted", () => {
  expect(createLineRedactor()("pass\u200bword=can\x1b[0mary")).toBe("password=[redacted]");
});

test("a text of several lines keeps them", () => {
  expect(redactText("pq: failed\npassword=canary\n\x1b[31mend")).toBe("pq: failed\npassword=[redacted]\nend");
});

describe("a text that is cleaned and truncated", () => {
  // Nothing else in these texts has a letter of G..Z, so that any four of them in a row are a piece
  // of a secret.
  const piece = /[G-Z]{4}/;
  const value = fc.stringMatching(/^[G-Z]{20,60}$/);
  const word = fc.stringMatching(/^[a-f]{1,12}$/);
  const filler = fc.array(fc.oneof(word, fc.constantFrom("\n", "failed:", '"', "é", "\u{1f600}")), { maxLength: 60 });
  const own = ["HORSEBATTERYSTAPLE", "STAPLE BATTERY HORSE KNOT", "QUOTED\"VALUE'HERE", "LONGSECRET".repeat(60)];
  protectSecrets(own);
  const secret = fc.oneof(
    fc.constantFrom(...own),
    value.map((text) => `password=${text}`),
    value.map((text) => `{"api_key":"${text}","a":1}`),
    value.map((text) => `secret: '${text} ${text}'`),
    value.map((text) => `postgres://app:${text}@db/x`),
    value.map((text) => `authorization: Bearer ${text}`),
    value.map((text) => `eyJabcd.eyJ${text.repeat(20)}.${text}`),
    value.map((text) => `ghp_${text}`),
    value.map((text) => `sk_live_${text}`),
    value.map((text) => `AKIA${text.slice(0, 16)}`),
    value.map((text) => `cookie: a=${text}; b=${text}`),
  );
  const text = fc
    .tuple(filler, secret, filler, fc.boolean())
    .map(([before, hidden, after, isGlued]) => [...before, hidden, ...after].join(isGlued ? "" : " "));

  it("has no part of a secret, wherever it is truncated", () => {
    const cuts = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 1, max: 800 }));
    fc.assert(
      fc.property(text, cuts, (whole, [share, limit]) => {
        fc.pre(!piece.test(redactText(whole)));
        const length = Math.round(share * whole.length);
        const shown = redactStart(whole.slice(0, length), limit, length < whole.length);
        expect(shown).not.toMatch(piece);
        expect(shown.length).toBeLessThanOrEqual(limit);
      }),
      { numRuns: 3000 },
    );
  });

  it("is the start of the cleaned text, except after a very long word", () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 200 }), (whole, limit) => {
        fc.pre(!/\S{513}/.test(whole));
        const shown = redactStart(whole, limit).replace(/\ufffd$/, "");
        expect(redactText(whole).slice(0, shown.length)).toBe(shown);
      }),
    );
  });

  it("has its maximum length when nothing is secret", () => {
    expect(redactStart("x".repeat(9000), 2000)).toBe("x".repeat(2000));
    expect(redactStart("ok", 4096)).toBe("ok");
    expect(redactStart(`a b${"c".repeat(2 * cutMargin)}`, 9000, true)).toBe(`a b${"c".repeat(cutMargin)}`);
  });
});

test.each([64, 70, 76])("a full line of %i characters of base64 is one of a key", (length) => {
  const line = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQyNTUxOQAAACBw".slice(0, length);
  expect(createLineRedactor()(line)).toBe("[redacted]");
  expect(createLineRedactor()(line.slice(1))).toBe(line.slice(1));
});

test("the rest of a key whose first line is missing is counted to its end", () => {
  const end = "-----END OPENSSH PRIVATE KEY-----";
  const rest = "AAAEC12secretRestOfKey";
  expect(countKeyRest([rest, "AAAA==", end, "after"])).toBe(3);
  expect(countKeyRest([rest, "a line of a program", end])).toBe(0);
  expect(countKeyRest(["-----BEGIN OPENSSH PRIVATE KEY-----", rest, end])).toBe(0);
  expect(countKeyRest([rest, rest])).toBe(0);
  expect(countKeyRest([...Array<string>(250).fill(rest), end])).toBe(0);
});

test("a key has at most 250 lines, and what follows its end is shown", () => {
  const base64 = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC";
  const clean = createLineRedactor();
  clean("-----BEGIN PRIVATE KEY-----");
  const out = Array.from({ length: 251 }, () => clean(base64));
  expect([out.indexOf(base64), out.lastIndexOf("[redacted]")]).toEqual([249, 248]);
  const other = createLineRedactor();
  const texts = [
    "-----BEGIN RSA PRIVATE KEY-----",
    "Proc-Type: 4,ENCRYPTED",
    "",
    base64,
    "ab==",
    "-----END RSA PRIVATE KEY-----",
    base64,
  ];
  expect(texts.map((text) => other(text)).slice(1)).toEqual([...Array<string>(5).fill("[redacted]"), base64]);
});

test("an end without a body, and a one-line key, hide no line after them", () => {
  const clean = createLineRedactor();
  clean("-----BEGIN PRIVATE KEY-----");
  expect(["x -----END PRIVATE KEY----- y", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"].map(clean)).toEqual([
    "[redacted]",
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
  ]);
  const whole = "-----BEGIN PRIVATE KEY-----MIIEvQIBADANBgkqhkiG9w0BAQEFAASC-----END PRIVATE KEY-----";
  expect([whole, "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"].map(clean)).toEqual([
    "[redacted]",
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
  ]);
});

test.each([
  [`${"aB1".repeat(21)}x`, true],
  ["aB1".repeat(21), false],
  [`${"aB1".repeat(21)}xy`, false],
  ["ab1".repeat(21).concat("x"), false],
  ["AB1".repeat(21).concat("X"), false],
  ["aBc".repeat(21).concat("x"), false],
])("a line of %s is that of a key: %s", (text, hidden) => {
  expect(createLineRedactor()(text)).toBe(hidden ? "[redacted]" : text);
});

test.each([
  ["a text that fits is whole", "one two", 7, false, "one two"],
  ["a longer one is cut", "one two", 5, false, "one t"],
  ["one that was cut loses its last word", "one two", 7, true, "one "],
  ["with a blank at its end it loses none", "one two ", 8, true, "one two "],
  ["a tab divides words", "one\ttwo", 7, true, "one\t"],
  ["a quote divides words", `one"two`, 7, true, `one"`],
  ["an apostrophe divides words", "one'two", 7, true, "one'"],
  ["one of several lines keeps them", "one\ntwo", 7, false, "one\ntwo"],
  ["one word alone is lost", "one", 7, true, ""],
  ["half a character is none", "aé😀", 3, false, "aé\ufffd"],
])("of a start %s", (_, text, limit, isCut, expected) => {
  expect(redactStart(text, limit, isCut)).toBe(expected);
});

test("the last word of a text may be truncated: 512 characters at most", () => {
  const words = (length: number) => `${"x".repeat(10)} ${"y".repeat(length)}`;
  expect(redactStart(words(8 + cutMargin - 1 - 11), 8)).toBe("xxxxxxxx");
  // Where it is lost, what stands before it is all that is left.
  expect(redactStart(`a ${"y".repeat(cutMargin + 5)}`, 8)).toBe(`a ${"y".repeat(6)}`);
  expect(redactStart(`a ${"y".repeat(cutMargin - 2 + 7)}`, 8)).toBe(`a ${"y".repeat(6)}`);
  expect(redactStart(`aaaaaaa ${"y".repeat(cutMargin)}`, 8)).toBe("aaaaaaa ");
});

describe("a cleaned name", () => {
  it("removes what could break a line or disguise a name", () => {
    expect(sanitiseName(" a\u0000b\nc\u001b[31md\u202ee\u200bf\u2028g\u0085h ")).toBe("abc[31mdefgh");
    expect(sanitiseName("Zoë 日本 👍")).toBe("Zoë 日本 👍");
    expect(sanitiseName("half \ud83d of one")).toBe("half \ufffd of one");
    expect(sanitiseName(" by token=hunter2\u200bhunter2 ")).toBe("by token=[redacted]");
  });

  it("returns one well-formed line for any text, with no more to clean", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const clean = sanitiseName(text);
        expect(clean.isWellFormed()).toBe(true);
        expect(clean).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect(sanitiseName(clean)).toBe(clean);
      }),
    );
  });
});
