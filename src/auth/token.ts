import { crc32 } from "node:zlib";

/**
 * Our token format, `ops_<kid>_<secret><crc>`. Scanners and redactors recognise its shape; the
 * checksum detects a mistyped token without a look-up; the public `kid` names it in logs. Secret:
 * 32 random bytes as 43 base62 digits; crc: CRC-32 of everything before it as 6 base62 digits.
 */
const pattern = /^ops_([a-z0-9]{4,32})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/;
const kidPattern = /^[a-z0-9]{4,32}$/;
const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Expiry of a token of the tokens file. */
export interface TokenEnd {
  readonly kid: string;
  readonly subject: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** Whether the text has the form of a key id: 4 to 32 lower-case letters and digits. */
export function isKid(text: string): boolean {
  return kidPattern.test(text);
}

/**
 * Builds a token from a key id and 32 bytes of a CSPRNG. Throws RangeError for a bad kid or a wrong
 * length.
 */
export function createToken(kid: string, secret: Uint8Array): string {
  if (!isKid(kid)) throw new RangeError("kid: 4 to 32 lower-case letters and digits");
  if (secret.length !== 32) throw new RangeError("secret: exactly 32 bytes");
  const head = `ops_${kid}_${toBase62(BigInt(`0x${Buffer.from(secret).toString("hex")}`), 43)}`;
  return head + checksum(head);
}

/** The key id of a well-formed token, else null. Does not check that the token is valid. */
export function parseTokenKid(text: string): string | null {
  const match = pattern.exec(text);
  return match && checksum(text.slice(0, -6)) === match[3] ? (match[1] as string) : null;
}

function checksum(head: string): string {
  return toBase62(BigInt(crc32(head)), 6);
}

function toBase62(value: bigint, length: number): string {
  let text = "";
  for (let rest = value; text.length < length; rest /= 62n) text = `${digits[Number(rest % 62n)]}${text}`;
  return text;
}
