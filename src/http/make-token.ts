import { hash, randomBytes, randomInt } from "node:crypto";
import type { Environment } from "../domain/environment.ts";
import type { Scope } from "../domain/principal.ts";
import { createToken } from "../domain/token.ts";

interface TokenRequest {
  readonly subject: string;
  readonly scopes: readonly Scope[];
  readonly environments: readonly Environment[];
  readonly expiresAt: Date;
  /** Random when absent. */
  readonly kid?: string;
}

/** What goes into the tokens file: no secret, and everything said. */
export interface TokenFileEntry {
  readonly kid: string;
  readonly subject: string;
  readonly sha256: string;
  readonly scopes: readonly Scope[];
  readonly environments: readonly Environment[];
  readonly not_before: string;
  readonly expires_at: string;
}

/** Makes a token, to be shown once, and its hashed entry for the tokens file. Throws RangeError for a bad kid. */
export function makeToken(request: TokenRequest): { token: string; entry: TokenFileEntry } {
  const { subject, scopes, environments, expiresAt, kid = randomKid() } = request;
  const token = createToken(kid, randomBytes(32));
  const sha256 = hash("sha256", token, "hex");
  const now = new Date(Math.floor(Date.now() / 1000) * 1000);
  return {
    token,
    entry: { kid, subject, sha256, scopes, environments, not_before: toSeconds(now), expires_at: toSeconds(expiresAt) },
  };
}

function randomKid(): string {
  return Array.from({ length: 8 }, () => randomInt(36).toString(36)).join("");
}

function toSeconds(date: Date): string {
  return date.toISOString().replace(/\.\d{3}Z$/, "Z");
}
