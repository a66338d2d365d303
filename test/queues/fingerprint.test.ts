import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redactText } from "../../src/lib/redact/sanitize.ts";
import { foldError, toFingerprint, toWords } from "../../src/queues/fingerprint.ts";
import { growthOf } from "../support/cost.ts";

/** Values as errors have them, each kind of its own form. */
const values: Record<string, fc.Arbitrary<string>> = {
  number: fc.integer().map(String),
  decimal: fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }).map(String),
  "number with commas": fc.integer({ min: 1000 }).map((n) => n.toLocaleString("en-US")),
  duration: fc.tuple(fc.nat(59), fc.nat(999)).map(([s, ms]) => (ms % 2 === 0 ? `${s}.${ms}s` : `${s}m${ms}s`)),
  UUID: fc.uuid(),
  "UUID in capitals": fc.uuid().map((id) => id.toUpperCase()),
  "hash in hex": fc.stringMatching(/^[0-9a-f]{40}$/),
  "ObjectId in hex": fc.stringMatching(/^[0-9a-f]{24}$/),
  "short hex": fc.stringMatching(/^[0-9a-f]{8}$/),
  address: fc.maxSafeNat().map((n) => `0x${n.toString(16)}`),
  ULID: fc.ulid(),
  "ISO time": fc
    .date({ noInvalidDate: true, min: new Date(0), max: new Date("2100-01-01") })
    .map((date) => date.toISOString()),
  "ISO time with a zone": fc.nat(86_399).map((s) => new Date(s * 1000).toISOString().replace(".000Z", "+01:00")),
  "time with a space": fc.nat(4e9).map((s) => new Date(s * 1000).toISOString().slice(0, 19).replace("T", " ")),
  "HTTP time": fc.nat(4e9).map((s) => new Date(s * 1000).toUTCString()),
  "JavaScript's time": fc.nat(4e9).map((s) => new Date(s * 1000).toString().replace(/ \(.*/, "")),
  clock: fc.nat(86_399).map((s) => new Date(s * 1000).toISOString().slice(11, 19)),
  IPv4: fc.ipV4(),
  "IPv4 and port": fc.tuple(fc.ipV4(), fc.nat(65_535)).map(([ip, port]) => `${ip}:${port}`),
  "e-mail address": fc.emailAddress().filter((text) => /^[\w.+-]+@/.test(text)),
  "list of ids": fc.array(fc.nat(), { minLength: 1, maxLength: 9 }).map((ids) => ids.join(", ")),
  "double-quoted": fc.string().map((text) => JSON.stringify(text)),
  "quoted text": fc.stringMatching(/^[a-z ]{0,30}$/).map((text) => `'${text}'`),
};

describe("foldError", () => {
  it.each(Object.keys(values))("replaces any %s in any place, and leaves the words", (kind) => {
    const value = values[kind] as fc.Arbitrary<string>;
    fc.assert(
      fc.property(value, value, (a, b) => {
        const toText = (text: string) => `timeout for payout ${text} of user (${text}): ${text}`;
        expect(foldError(toText(a))).toBe(foldError(toText(b)));
        expect(foldError(toText(a))).toMatch(/^timeout for payout \S+ of user \(.+\): \S+$/);
        expect(foldError(`id=${a}`)).toBe(foldError(`id=${b}`));
      }),
    );
  });

  it.each([
    ["timeout after 31 ms for user 4711", "timeout after # ms for user #"],
    [
      `pq: duplicate key value violates unique constraint "users_email_key"`,
      `pq: duplicate key value violates unique constraint "#"`,
    ],
    ["dial tcp 10.0.0.7:5432: connect: connection refused", "dial tcp #: connect: connection refused"],
    ["can't read the users' `file` of O'Neil", "can't read the users' `#` of O'Neil"],
    [`body {"id": 17, "na7me":"a \\"b\\" c", "x": ["y"]}`, `body {"id": #, "#":"#", "x": ["#"]}`],
    [`"timeout 'x' after 5 s"`, "timeout '#' after # s"],
    [`"'a' or 'b'"`, "'#' or '#'"],
    ["at pay (/app/jobs/payout.js:10:5)", "at pay (/app/jobs/payout.js:#)"],
    ["GET /users/4711/orders/12?page=2", "GET /users/#/orders/#?page=#"],
    ["  one\n\n\ttwo  three ", "one two three"],
    ["order_4711 on wallet-core-worker-3 by cus_NffrFeUfNV2Hib", "order_# on wallet-core-worker-# by cus_#"],
    ["V1StGXR8_Z5jdHi6B-myT is gone", "# is gone"],
    ["failed at Jan 13 09:41:10, again 13/Jan/2026:09:41:10 +0000", "failed at #, again #"],
    ["from [2001:db8::ff00:42]:443", "from [#]:#"],
    ["token [redacted] was refused", "token [redacted] was refused"],
    ["口座 4711 が見つかりません", "口座 # が見つかりません"],
    ["kein Konto „a b“ für »x« in «y z» und « w »", "kein Konto „#“ für »#« in «#» und «#»"],
    ["can’t read the “big file” or ‘x’ of ‚y‘ and ”z”", "can’t read the “#” or ‘#’ of ‚#‘ and ”#”"],
    ["Home » Users » List", "Home » Users » List"],
    ["“wrong ‘x’ here”", "wrong ‘#’ here"],
    ["unknown ['a','b', 'c'] of “d”, “e”", "unknown ['#'] of “#”"],
    [`{"ids":["a","b"], "x":"y", "z": "w"}`, `{"ids":["#"], "x":"#", "z": "#"}`],
    ["one of 'a' or 'b', `c`, \"d\"", "one of '#' or '#', `#`, \"#\""],
    ["since Tue Jan 13 09:45:12 CET 2026, AKDT Wed Feb 4 1:05:02 AKDT 2026", "since #, AKDT #"],
    ["at 2026-01-13 09:45:12 CEST or 09:45 PDT", "at # or #"],
    ["2026-01-13 09:45:12 ERROR timeout, 09:45 FATAL", "# ERROR timeout, # FATAL"],
    ["image aGVsbG8gd29ybGQ5/+w8Mg== or aGVsbG8gd29ybGQ5/+w8MgE= is bad", "image # or # is bad"],
    ["key 9fK2lQ8= or 9fK2lQ== of x", "key # or # of x"],
    ["GET /users?redirectToTheUser= and x==y", "GET /users?redirectToTheUser= and x==y"],
    ["no userName= or /app/Users/Id=", "no userName= or /app/Users/Id="],
    ["key 9fK2_Q8x= of x", "key #_# of x"],
    ["IBAN DE89 3704 0044 0532 0130 00 NOT FOUND", "IBAN # NOT FOUND"],
    ["IBAN BE68 5390 0754 7034 IS GONE", "IBAN # IS GONE"],
    ["IBAN GB29NWBK60161331926819, NL91 ABNA 0417 1643 00", "IBAN #"],
    ["AB12 TEST CASE, ER42 CODE FAIL", "AB# TEST CASE, ER# CODE FAIL"],
    ["Key (a, ref)=(12, abc) already exists.", "Key (a, ref)=(#) already exists."],
    ["Key (lower(a::text))=(b (c) d) already exists.", "Key (lower(a::text))=(#) already exists."],
    ["'a', 'b'", "#"],
    ["", ""],
  ])("%j is %j", (text, folded) => {
    expect(foldError(text)).toBe(folded);
  });

  it.each([
    ["['a','b']", "['x']"],
    [`{"ids":["a","b"]}`, `{"ids":["x"]}`],
    ["until Tue Jan 13 09:45:12 CET 2026", "until Wed Jul 1 10:00:00 CEST 2026"],
    ["bad dGVzdDE=", "bad dGVzdDEyMw=="],
    ["no account DE89370400440532013000", "no account GB29 NWBK 6016 1331 9268 19"],
    ["Key (a, ref)=(12, abc)", "Key (a, ref)=(13, some text)"],
    ["no “a”", "no “b c”"],
  ])("is the same for %j and %j", (a, b) => {
    expect(foldError(a)).toBe(foldError(b));
  });

  it.each([
    ["Key (a)=(1) already exists", "Key (b)=(1) already exists"],
    ["Key (a)=(1) already exists", "Key (a)=(1) is not present"],
    ["12:30:00 ERROR x", "12:30:00 FATAL x"],
    ["“a” failed", "“a” timed out"],
    ["'a', 'b' failed", "'a' or 'b' failed"],
    ["SQLSTATE[23505]: unique", "SQLSTATE[23505]: not null"],
  ])("differs for %j and %j", (a, b) => {
    expect(foldError(a)).not.toBe(foldError(b));
  });

  it.each([
    // 14 letters of both cases behind a word and `_` are an id; shorter ones, and those of one
    // case, are words.
    ["cus_AbcdefghijklmN", "cus_#"],
    ["cus_AbcdefghijklM", "cus_AbcdefghijklM"],
    ["cus_abcdefghijklmn", "cus_abcdefghijklmn"],
    ["cus_ABCDEFGHIJKLMN", "cus_ABCDEFGHIJKLMN"],
    ["cus-AbcdefghijklmN", "cus-AbcdefghijklmN"],
    ["at deadbeef", "at #"],
    ["at DEADBEEF", "at #"],
    ["at deadbee", "at deadbee"],
    ["at DEADBEEFX", "at DEADBEEFX"],
    ["at deadbeefx", "at deadbeefx"],
    ["at xdeadbeef", "at xdeadbeef"],
  ])("%j is folded to %j", (text, folded) => {
    expect(foldError(text).replaceAll("…", "#")).toBe(folded);
  });

  it.each([
    ["at ::1 or dead::beef", "at # or dead::beef"],
    // Eight digits make an IBAN.
    ["no XX12ABCDE345678", "no #"],
    ["no XX12ABCDEF34567", "no XX#ABCDEF#"],
    // What is padded as base64 may be words, and has letters of both cases.
    ["no userNam= here", "no userNam= here"],
    ["no user/Na= here", "no # here"],
    ["no u/serNa= here", "no # here"],
    ["no G/HIJKL= here", "no G/HIJKL= here"],
    ["no g/hijkl= here", "no g/hijkl= here"],
    ["no u/serNam= here", "no u/serNam= here"],
    ["Home › Users › List", "Home › Users › List"],
    [`("a": 1)`, `("#": #)`],
    [`{"a" : "b"}`, `{"a" : "#"}`],
    [`{ "a": 1, "b": 2,"c":3}`, `{ "a": #, "b": #,"c":#}`],
    [`{"a"; 1}`, `{"#"; #}`],
    [`"a\\" b" c`, `"#" c`],
    ["order_aB3de_1234567890", "order_#"],
    ["order_aB3de_123456789", "order_#_#"],
    ["order_ab3de_1234567890", "order_#_#"],
    ["o_AbcdefghijklmN", "o_AbcdefghijklmN"],
    ["orderedby_AbcdefghijklmN", "orderedby_AbcdefghijklmN"],
    ["abcdef1 abcde1 abcd1", "# # abcd#"],
    ["S3Exception S3Exc s3Exception", "S#Exception # #"],
    ["worker12 utf8 w8 ab8 ab8xy ab8xyz", "worker# utf# # ab# # ab#xyz"],
    ["Base64DecodeError BASE64 bASE64", "Base#DecodeError BASE# #"],
    ["ABCDEgh1 ABCDEFgh1", "ABCDEgh# #"],
    ["v-1 +1 a-1 (-1) -+1", "v-# # a-# (#) #"],
  ])("%j is folded to %j, by its parts", (text, folded) => {
    expect(foldError(text)).toBe(folded);
  });

  it.each([
    ['"', true],
    ["`", true],
    ["“", true],
    ["«", true],
    ["'", false],
    ["„", false],
    ["‘", false],
  ])("a quote %s without an end, and 200 characters, opens a value: %s", (quote, opens) => {
    const rest = `${"word ".repeat(39)}last`;
    expect(foldError(`boom ${quote}${rest}`)).toBe(opens ? `boom ${quote}#` : `boom ${quote}${rest}`);
    expect(foldError(`boom ${quote}${rest.slice(0, -1)}`)).toBe(`boom ${quote}${rest.slice(0, -1)}`);
    expect(foldError(`boom 'a' ${quote}${rest}`)).toBe(opens ? `boom '#' ${quote}#` : `boom '#' ${quote}${rest}`);
  });

  it("leaves words, also those with digits in them", () => {
    const words =
      "ActiveRecord::RecordNotFound std::fs facade added decade May Monday ERR_TLS_HANDSHAKE undefined_method getUserByIdOrName";
    expect(foldError(words)).toBe(words);
    expect(foldError("Base64DecodeError")).not.toBe(foldError("Http2StreamError"));
    expect(foldError("S3Exception")).not.toBe(foldError("R2Exception: x"));
    expect(foldError("invalid utf8")).not.toBe(foldError("invalid sha256"));
  });

  it("changes nothing in its own result", () => {
    const piece = fc.constantFrom(
      ...Array.from("#'\"`\\-_+.,:; ()[]{}=/@“”„«»‘’"),
      "a",
      "Z",
      "7",
      "ab",
      "Jan",
      "Mon",
      "9:41",
      "beef",
      "CET",
      ")=(",
      "DE89 ",
      "3704",
      "aB3/",
      "é",
      "日",
      "🚀",
      "\n",
    );
    const mixed = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(piece, { maxLength: 60 }).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(mixed, (text) => {
        expect(foldError(foldError(text))).toBe(foldError(text));
      }),
      { numRuns: 3000, examples: [["””+#”"]] },
    );
  });
});

describe("toFingerprint", () => {
  it("is short, and the same for the same shape", () => {
    expect(toFingerprint("timeout after 31 ms for user 4711")).toBe("1bbf425cd8c0");
    expect(toFingerprint("timeout after 9 ms for user 12")).toBe("1bbf425cd8c0");
    expect(toFingerprint("timeout after 9 s for user 12")).not.toBe("1bbf425cd8c0");
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(toFingerprint(text)).toMatch(/^[0-9a-f]{12}$/);
      }),
    );
  });

  it("recognises an error whose long text was truncated elsewhere", () => {
    const toText = (id: number) =>
      `timeout for ${id}: ${`Error: no answer at step ${id} of the job\n`.repeat(90)}`.slice(0, 2000);
    const ids = [1, 22, 333, 4444, 55_555].map((id) => toFingerprint(toText(id)));
    expect(new Set(ids).size).toBe(1);
    const body = (id: number) =>
      `bad answer ${id}: "${"some words that differ ".repeat(id)}${"x".repeat(2000)}`.slice(0, 2000);
    expect(toFingerprint(body(1))).toBe(toFingerprint(body(30)));
  });

  it("of a probably truncated text is that of a power of two of its shape", () => {
    // Its shape has 5 characters for each word, and one for the number.
    const toText = (words: number, length: number, word = "boom ") =>
      `${word.repeat(words)}${"1".repeat(length)}`.slice(0, length);
    const prints = (length: number, ...words: readonly number[]) =>
      new Set(words.map((count) => toFingerprint(toText(count, length)))).size;
    expect(prints(1899, 110, 120)).toBe(2);
    expect(prints(1900, 110, 120)).toBe(1);
    expect(prints(2000, 103, 110, 204)).toBe(1);
    expect(prints(2000, 102, 103)).toBe(2);
    expect(toFingerprint(toText(110, 2000))).not.toBe(toFingerprint(toText(110, 2000, "bang ")));
    // No more of a shape than 1024 characters.
    expect(prints(1800, 210, 220)).toBe(1);
    expect(prints(1800, 204, 205)).toBe(2);
    expect(prints(4000, 410, 420)).toBe(1);
    expect(toFingerprint("1".repeat(2000))).toBe(toFingerprint("7".repeat(2001)));
    expect(toFingerprint(" ".repeat(2000))).toBe(toFingerprint(""));
  });

  it("takes linear time for any characters", () => {
    const units = [
      `"`,
      ` "\\`,
      "a",
      "a1",
      "1",
      "a-",
      "1:",
      ":",
      "a@",
      "a.b",
      "#-",
      "-",
      "+",
      " 'a",
      "'a ",
      " ",
      "Aa",
      "Aa1",
      "Mon, ",
      "Jan 1 ",
    ];
    const more = [
      "1:11 ",
      "abcdef",
      "abcdef01-",
      "1, ",
      ` "a"b`,
      " `\"'",
      "é",
      "日本",
      "\\",
      "0-",
      "_",
      "12 Jan ",
      "A1b_",
      "::",
      "f:",
      " “",
      " »a",
      "'a',",
      ")=(",
      ")=((a)",
      "DE89",
      "DE89 3704 ",
      "aB3/",
      "a1=",
      "#=",
      "9:41 CET ",
    ];
    for (const unit of [...units, ...more]) {
      expect(
        growthOf((size) => foldError(unit.repeat(size).slice(0, size)), 1000),
        JSON.stringify(unit),
      ).toBeLessThan(8);
    }
  });
});

describe("the words of an error", () => {
  /** Whether a text has these words in their order, as a search in a database tests it. */
  const has = (text: string, words: readonly string[]) => {
    let from = 0;
    return words.every((word) => {
      const at = text.indexOf(word, from);
      from = at + word.length;
      return at !== -1;
    });
  };
  /** Two values of one kind. */
  const pair = fc.oneof(
    ...[
      fc.uuid(),
      fc.nat().map(String),
      fc.stringMatching(/^[0-9a-f]{16,40}$/),
      fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map((date) => date.toISOString()),
      fc.string({ maxLength: 30 }).map((text) => JSON.stringify(text)),
      fc.emailAddress(),
    ].map((kind) => fc.tuple(kind, kind)),
  );
  const phrase = fc.constantFrom(
    "could not charge customer",
    "the gateway's answer was late:",
    "ActiveRecord::RecordNotUnique (Key (a, b)=(",
    "Überweisung für Konto",
    "password=",
    "\n\tat Foo.bar(Foo.java:",
    '{"error": ',
  );

  it("are in every text with its fingerprint, in their order", () => {
    const parts = fc.array(fc.tuple(phrase, pair), { minLength: 1, maxLength: 12 });
    const texts = parts.map((own) =>
      [0, 1].map((index) => own.map(([part, two]) => `${part} ${two[index]} `).join("")),
    );
    let same = 0;
    fc.assert(
      fc.property(texts, ([one = "", other = ""]) => {
        const shown = redactText(one).slice(0, 2000);
        expect(has(one, toWords(shown))).toBe(true);
        if (toFingerprint(shown) !== toFingerprint(redactText(other).slice(0, 2000))) return;
        same += 1;
        expect(has(other, toWords(shown))).toBe(true);
      }),
      { numRuns: 300 },
    );
    // Most of them are alike.
    expect(same).toBeGreaterThan(50);
  });

  it("are at most twelve, without values and what redaction wrote", () => {
    expect(toWords("no rate for 'EUR' at 10:31, x 17 [redacted] done")).toEqual(["no", "rate", "for", "at", "done"]);
    expect(toWords("one two three four five six seven eight nine ten eleven twelve thirteen")).toHaveLength(12);
    expect(toWords("17")).toEqual([]);
    // A text that was cut compares a part, whose last word may be cut.
    expect(toWords("a".repeat(1990))).toEqual([]);
  });
});
