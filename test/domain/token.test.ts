import { assert, integer, nat, property, stringMatching, uint8Array } from "fast-check";
import { expect, test } from "vitest";
import { createToken, isKid, parseTokenKid, redactTokens } from "../../src/domain/token.ts";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const kids = stringMatching(/^[a-z0-9]{4,32}$/);
const secrets = uint8Array({ minLength: 32, maxLength: 32 });

test("a token tells its kid again, and has the documented form", () => {
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

test("one mistyped character after the kid is noticed", () => {
  assert(
    property(kids, secrets, nat(48), nat(61), (kid, secret, offset, digit) => {
      const token = createToken(kid, secret);
      const at = token.length - 1 - offset;
      const typo = token.slice(0, at) + alphabet[digit] + token.slice(at + 1);
      expect(parseTokenKid(typo)).toBe(typo === token ? kid : null);
    }),
  );
});

test("the form is fixed: vectors computed by another implementation (Python: zlib.crc32, divmod)", () => {
  expect(createToken("ab12", new Uint8Array(32))).toBe("ops_ab12_00000000000000000000000000000000000000000000KPtUj");
  expect(createToken("ab12", new Uint8Array(32).fill(255))).toBe("ops_ab12_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp13PhbFd");
});

test("texts that are no tokens", () => {
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

test("tokens are redacted inside any text, also cut ones", () => {
  assert(
    property(kids, secrets, integer({ min: 0, max: 25 }), (kid, secret, cut) => {
      const token = createToken(kid, secret);
      const part = token.slice(0, token.length - cut);
      expect(redactTokens(`/x/${part}/y`)).toBe("/x/ops_<redacted>/y");
    }),
  );
  expect(redactTokens("/api/ops_stats/x")).toBe("/api/ops_stats/x");
});
