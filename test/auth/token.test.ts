import { assert, integer, nat, property, stringMatching, uint8Array } from "fast-check";
import { expect, test } from "vitest";
import { createToken, isKid, parseTokenKid } from "../../src/auth/token.ts";
import { redactTokens } from "../../src/lib/redact/secrets.ts";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const kids = stringMatching(/^[a-z0-9]{4,32}$/);
const secrets = uint8Array({ minLength: 32, maxLength: 32 });

test("a token contains its kid and has the documented form", () => {
  assert(
    property(kids, secrets, (kid, secret) => {
      const token = createToken(kid, secret);
      expect(token).toMatch(/^ops_[a-z0-9]{4,32}_[0-9A-Za-z]{49}$/);
      expect(parseTokenKid(token)).toBe(kid);
    }),
  );
});

test("different secrets give different tokens", () => {
  assert(
    property(secrets, nat(31), integer({ min: 1, max: 255 }), (secret, at, flip) => {
      const other = Uint8Array.from(secret, (byte, index) => (index === at ? byte ^ flip : byte));
      expect(createToken("same", other)).not.toBe(createToken("same", secret));
    }),
  );
});

test("one mistyped character after the kid is detected", () => {
  assert(
    property(kids, secrets, nat(48), nat(61), (kid, secret, offset, digit) => {
      const token = createToken(kid, secret);
      const at = token.length - 1 - offset;
      const typo = token.slice(0, at) + alphabet[digit] + token.slice(at + 1);
      expect(parseTokenKid(typo)).toBe(typo === token ? kid : null);
    }),
  );
});

test("tokens match vectors that Python computed (zlib.crc32, divmod)", () => {
  expect(createToken("ab12", new Uint8Array(32))).toBe("ops_ab12_00000000000000000000000000000000000000000000KPtUj");
  expect(createToken("ab12", new Uint8Array(32).fill(255))).toBe(
    "ops_ab12_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp13PhbFd",
  );
});

test("malformed texts are not tokens", () => {
  for (const text of ["", "ops_", "ops_ab12_x", `OPS_ab12_${"0".repeat(49)}`, `ops_AB12_${"0".repeat(49)}`]) {
    expect(parseTokenKid(text)).toBeNull();
  }
});

test("bad kids and secrets are refused", () => {
  expect(isKid("abc")).toBe(false);
  expect(isKid("ab_c")).toBe(false);
  expect(() => createToken("ABCD", new Uint8Array(32))).toThrow(RangeError);
  expect(() => createToken("abcd", new Uint8Array(31))).toThrow(RangeError);
});

test("tokens are redacted inside any text, truncated ones too", () => {
  assert(
    property(kids, secrets, integer({ min: 0, max: 25 }), (kid, secret, cut) => {
      const token = createToken(kid, secret);
      const part = token.slice(0, token.length - cut);
      expect(redactTokens(`/x/${part}/y`)).toBe("/x/ops_<redacted>/y");
    }),
  );
  expect(redactTokens("/api/ops_stats/x")).toBe("/api/ops_stats/x");
});

test("a kid has 4 to 32 letters and digits, a secret has 32 bytes", () => {
  const given = ["abc", "abcd", "a".repeat(32), "a".repeat(33), "ab-d", "xABCD", "abcd\n", ""];
  expect(given.map(isKid)).toEqual([false, true, true, false, false, false, false, false]);
  expect(() => createToken("abc", new Uint8Array(32))).toThrow(
    new RangeError("kid: 4 to 32 lower-case letters and digits"),
  );
  for (const length of [31, 33]) {
    expect(() => createToken("abcd", new Uint8Array(length))).toThrow(new RangeError("secret: exactly 32 bytes"));
  }
});

test("a text around a token is not a token", () => {
  const token = createToken("ab12", new Uint8Array(32));
  for (const text of [` ${token}`, `${token} `, `${token}0`, token.slice(1), token.slice(0, -1)])
    expect(parseTokenKid(text)).toBeNull();
});

test.each([
  [`ops_abcd_${"x".repeat(20)}`, "ops_<redacted>"],
  [`ops_abcd_${"x".repeat(19)}`, `ops_abcd_${"x".repeat(19)}`],
  [`ops_abc_${"x".repeat(20)}`, `ops_abc_${"x".repeat(20)}`],
  [`a ops_abcd_${"x".repeat(20)} ops_efgh_${"y".repeat(60)}!`, "a ops_<redacted> ops_<redacted>!"],
])("the token %s is displayed as %s", (text, shown) => {
  expect(redactTokens(text)).toBe(shown);
});
