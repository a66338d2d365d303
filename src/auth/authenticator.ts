import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import { environments } from "../lib/environment.ts";
import type { Logger } from "../lib/logger.ts";
import type { JwtOptions } from "./jwt.ts";
import { type Principal, scopes } from "./principal.ts";
import { parseTokenKid, type TokenEnd } from "./token.ts";
import { isInForce, openTokensFile, type TokenEntry } from "./tokens-file.ts";

export interface Authenticator {
  /**
   * The caller; null without proof, whatever the reason. Synchronous for our own tokens. For JWTs a
   * promise, which rejects with auth_unavailable when the keys to verify them could not be fetched.
   * `ip`: the client's address, where unknown tokens are limited.
   */
  authenticate(
    authorization: string | undefined,
    rawHeaders: readonly string[],
    ip?: string,
  ): Principal | null | Promise<Principal | null>;
  /** Expiry of each token in the tokens file. */
  readonly tokenEnds: () => readonly TokenEnd[];
  close(): void;
}

interface AuthenticatorOptions {
  /**
   * One plain token with every scope and environment, subject "default". At least 16 characters.
   */
  readonly token?: string | undefined;
  /** Path of the JSON list of hashed tokens. */
  readonly tokensFile?: string | undefined;
  readonly jwt?: JwtOptions | undefined;
  readonly logger: Logger;
  /** Poll interval of the tokens file, ms. @default 2000 */
  readonly pollMs?: number;
}

const header = /^Bearer [A-Za-z0-9._~+/-]{16,4096}=*$/;
const jwtForm = /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * Checks `Authorization: Bearer`. Compares digests, never tokens, in constant time, even if no
 * entry matches. Throws at once for a token that nobody could send, for a bad tokens file, and when
 * nothing is configured.
 */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { token, tokensFile, jwt, logger, pollMs } = options;
  if (token === undefined && tokensFile === undefined && jwt === undefined) throw new Error("no token is configured");
  const plain = token === undefined ? undefined : toPlainEntry(token);
  const file =
    tokensFile === undefined ? undefined : openTokensFile({ path: tokensFile, logger, ...(pollMs && { pollMs }) });
  if (file?.isSpent() && plain === undefined && jwt === undefined) {
    logger.warn({ path: tokensFile }, "no token of the tokens file is valid: nobody can log in");
  }
  const nobody: TokenEntry = { ...toPlainEntry(randomBytes(32).toString("hex")), expiresAt: 0 };
  const verifyJwt = jwt && createLazyJwt(jwt);

  // Hex in one scratch buffer takes half the time of a new digest buffer; both sides of the
  // comparison are hex bytes.
  const digest = Buffer.alloc(64);
  const authenticateOwn = (text: string): Principal | null => {
    digest.write(hash("sha256", text, "hex"), "latin1");
    const kid = file && parseTokenKid(text);
    const entry = (kid && file.find(kid)) || nobody;
    const isListed = timingSafeEqual(digest, entry.digest) && isInForce(entry, Date.now());
    const isPlain = plain !== undefined && timingSafeEqual(digest, plain.digest);
    if (isListed) return entry.principal;
    return isPlain ? plain.principal : null;
  };

  return {
    authenticate(authorization, rawHeaders) {
      if (!isBearer(authorization, rawHeaders)) return null;
      const text = authorization.slice("Bearer ".length);
      const own = authenticateOwn(text);
      return own === null && verifyJwt && jwtForm.test(text) ? verifyJwt(text) : own;
    },
    tokenEnds: () => file?.ends() ?? [],
    close: () => file?.close(),
  };
}

function toPlainEntry(token: string): TokenEntry {
  if (!header.test(`Bearer ${token}`)) {
    throw new Error("the token must have 16 to 4096 characters of A-Z a-z 0-9 . _ ~ + / -, then `=` if any");
  }
  return {
    digest: Buffer.from(hash("sha256", token, "hex")),
    principal: {
      subject: "default",
      kid: "default",
      auth: "token",
      scopes: new Set(scopes),
      environments: new Set(environments),
    },
    notBefore: 0,
    expiresAt: Infinity,
  };
}

/** Whether this is the only such header, and its possible token. */
export function isBearer(authorization: string | undefined, rawHeaders: readonly string[]): authorization is string {
  return authorization !== undefined && header.test(authorization) && countHeader(rawHeaders, "authorization") <= 1;
}

/** Loads jose with the first JWT, not at startup. */
function createLazyJwt(options: JwtOptions): (token: string) => Promise<Principal | null> {
  let verifier: Promise<(token: string) => Promise<Principal | null>> | undefined;
  return async (token) => {
    verifier ??= import("./jwt.ts").then(({ createJwtVerifier }) => createJwtVerifier(options));
    return (await verifier)(token);
  };
}

/**
 * How often a header was sent; `name` is in lower case. node:http merges or drops repeated headers;
 * its raw name/value list keeps all.
 */
export function countHeader(rawHeaders: readonly string[], name: string): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const sent = rawHeaders[index] as string;
    if (sent.length === name.length && sent.toLowerCase() === name) count += 1;
  }
  return count;
}
