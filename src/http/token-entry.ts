import { z } from "zod";
import { environments } from "../domain/environment.ts";
import { type Principal, scopes } from "../domain/principal.ts";
import { isKid } from "../domain/token.ts";

const maxLifetimeMs = 90 * 24 * 3_600_000;
/** `expires_at` is often computed a moment before the file is read. */
const graceMs = 3_600_000;

const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const entrySchema = z.strictObject({
  kid: z.string().refine(isKid, "4 to 32 lower-case letters and digits"),
  subject: z.string().regex(/^[A-Za-z0-9._@:/-]{1,64}$/, "1 to 64 of A-Z a-z 0-9 . _ @ : / -"),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "the SHA-256 of the whole token, 64 lower-case hex digits"),
  scopes: z.array(z.enum(scopes)).min(1),
  environments: z.array(z.enum(environments)).min(1),
  not_before: time.optional(),
  expires_at: time,
});

/** One accepted token: what we keep of it, and whom it stands for. Times are epoch milliseconds. */
export interface TokenEntry {
  /** SHA-256 of the whole token, as the bytes of its 64 lower-case hex digits. */
  readonly digest: Buffer;
  readonly principal: Principal;
  readonly notBefore: number;
  readonly expiresAt: number;
}

/** Whether it holds at this moment, epoch milliseconds. */
export function isInForce({ notBefore, expiresAt }: TokenEntry, nowMs: number): boolean {
  return nowMs >= notBefore && nowMs < expiresAt;
}

/** From when on people are warned of a token's end: time to make the next one, and to bring it to where it is used. */
const warnBeforeMs = 7 * 24 * 3_600_000;

/** Whether it is in force now and ends within 7 days; epoch milliseconds. */
export function endsSoon(entry: TokenEntry, nowMs: number): boolean {
  return isInForce(entry, nowMs) && entry.expiresAt - nowMs <= warnBeforeMs;
}

/** Thrown for a token file that is not as it should be; `problems` lists every mistake. */
export class TokensFileError extends Error {
  readonly problems: readonly string[];

  constructor(path: string, problems: readonly string[]) {
    super(`${path}: ${problems.join("; ")}`);
    this.name = "TokensFileError";
    this.problems = problems;
  }
}

/**
 * The text of a tokens file as entries by kid. Throws TokensFileError with all mistakes at once: unknown fields, an expiry more
 * than 90 days away, a kid used twice. Nothing is implied: scopes and environments are lists that must be there.
 */
export function parseTokensFile(path: string, text: string, nowMs: number): ReadonlyMap<string, TokenEntry> {
  const problems: string[] = [];
  const entries = new Map<string, TokenEntry>();
  const parsed = z.array(entrySchema).safeParse(parseJson(path, text));
  if (!parsed.success) problems.push(...parsed.error.issues.map(toProblem));
  for (const [index, raw] of (parsed.data ?? []).entries()) {
    const notBefore = raw.not_before ?? 0;
    if (raw.expires_at - (raw.not_before ?? nowMs) > maxLifetimeMs + graceMs) {
      problems.push(`[${index}].expires_at: more than 90 days away`);
    }
    if (raw.expires_at <= notBefore) problems.push(`[${index}].expires_at: not after not_before`);
    if (entries.has(raw.kid)) problems.push(`[${index}].kid: used twice`);
    entries.set(raw.kid, {
      digest: Buffer.from(raw.sha256),
      principal: {
        subject: raw.subject,
        kid: raw.kid,
        auth: "tokens_file",
        scopes: new Set(raw.scopes),
        environments: new Set(raw.environments),
      },
      notBefore,
      expiresAt: raw.expires_at,
    });
  }
  if (problems.length > 0) throw new TokensFileError(path, problems);
  return entries;
}

/** JSON.parse quotes the text in its message, and the text may hold a token that somebody pasted: its message is not kept. */
function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    throw new TokensFileError(path, ["not valid JSON"]);
  }
}

function toProblem(issue: z.core.$ZodIssue): string {
  // A field's name may be a token that somebody pasted.
  const isHidden = issue.code === "unrecognized_keys" && !issue.keys.every((key) => /^[a-z_]{1,20}$/.test(key));
  return `${toPlace(issue.path)}: ${isHidden ? "Unrecognized key" : issue.message}`;
}

function toPlace(path: readonly PropertyKey[]): string {
  const place = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  return place === "" ? "the file" : place;
}
