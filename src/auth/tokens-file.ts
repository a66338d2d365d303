import { readFileSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { z } from "zod";
import { environments } from "../lib/environment.ts";
import type { Logger } from "../lib/logger.ts";
import { formatRfc3339 } from "../lib/time.ts";
import { type Principal, scopes } from "./principal.ts";
import { isKid, type TokenEnd } from "./token.ts";

interface TokensFile {
  /** The entry of a kid in the current set. */
  find(kid: string): TokenEntry | undefined;
  /** Expiry of every entry, including those that are not valid now. */
  ends(): readonly TokenEnd[];
  /** Whether no entry is valid now. */
  isSpent(): boolean;
  /** Checks for a change now, not at the next tick. */
  reload(): Promise<void>;
  close(): void;
}

interface TokensFileOptions {
  readonly path: string;
  readonly logger: Logger;
  /** Poll interval, ms: file events do not cross bind mounts. @default 2000 */
  readonly pollMs?: number;
  /** Wall clock, epoch milliseconds. @default Date.now */
  readonly now?: () => number;
}

/** Interval of the log warning that a token ends soon. */
const warnEveryMs = 24 * 3_600_000;

/**
 * The current entries of the file. Throws TokensFileError, also when the file cannot be read. Reads
 * only through `read`.
 */
export function readTokensFile(path: string, read: (path: string) => string): ReadonlyMap<string, TokenEntry> {
  let text: string;
  try {
    text = read(path);
  } catch (error) {
    throw new TokensFileError(path, [`cannot be read (${(error as NodeJS.ErrnoException).code ?? "error"})`]);
  }
  return parseTokensFile(path, text, Date.now());
}

/**
 * The hashed tokens of a file, reloaded when it changes. The first read must succeed (throws
 * TokensFileError). Later a bad or missing file leaves the whole old set in force; each bad version
 * is logged once. A token that ends within 7 days is logged once a day.
 */
export function openTokensFile({ path, logger, pollMs = 2000, now = Date.now }: TokensFileOptions): TokensFile {
  let entries = readTokensFile(path, (file) => readFileSync(file, "utf8"));
  let seen = "";
  let busy = false;
  let warnedAt = new Map<string, number>();

  const warnOfEnds = () => {
    const soon = [...entries.values()].filter((entry) => endsSoon(entry, now()));
    const before = warnedAt;
    warnedAt = new Map(soon.map(({ principal: { kid } }) => [kid, before.get(kid) ?? -Infinity]));
    for (const { principal, expiresAt } of soon) {
      const { kid, subject } = principal;
      if (now() - (warnedAt.get(kid) ?? -Infinity) < warnEveryMs) continue;
      warnedAt.set(kid, now());
      logger.warn({ kid, subject, expires_at: formatRfc3339(expiresAt) }, "token expires within 7 days");
    }
  };

  const reload = async () => {
    if (busy) return;
    busy = true;
    let version = "missing";
    try {
      const { mtimeNs, size, ino } = await stat(path, { bigint: true });
      version = `${mtimeNs}:${size}:${ino}`;
      if (version === seen) return;
      const next = parseTokensFile(path, await readFile(path, "utf8"), Date.now());
      if (seen !== "") logger.info({ tokens: next.size }, "tokens file reloaded");
      entries = next;
    } catch (error) {
      if (version !== seen) logger.error({ err: error }, "tokens file not reloaded: the old tokens stay valid");
    } finally {
      seen = version;
      busy = false;
      warnOfEnds();
    }
  };
  warnOfEnds();

  // The first tick may read the file again: it may have changed between our read and the first
  // stat.
  const timer = setInterval(() => void reload(), pollMs).unref();
  const isSpent = () => ![...entries.values()].some((entry) => isInForce(entry, now()));
  const ends = () =>
    [...entries.values()].map(({ principal: { kid, subject }, expiresAt }) => ({ kid, subject, expiresAt }));
  return { find: (kid) => entries.get(kid), ends, isSpent, reload, close: () => clearInterval(timer) };
}

const maxLifetimeMs = 90 * 24 * 3_600_000;
/** Tolerance: `expires_at` is often computed a moment before the file is read. */
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

/** An entry as it is written. It holds no secret. */
export type TokenFileEntry = z.input<typeof entrySchema>;

/** One accepted token. Times are epoch milliseconds. */
export interface TokenEntry {
  /** SHA-256 of the whole token, as the bytes of its 64 lower-case hex digits. */
  readonly digest: Buffer;
  readonly principal: Principal;
  readonly notBefore: number;
  readonly expiresAt: number;
}

/** Whether the token is valid at this time, epoch milliseconds. */
export function isInForce({ notBefore, expiresAt }: TokenEntry, nowMs: number): boolean {
  return nowMs >= notBefore && nowMs < expiresAt;
}

/** The log warns this long before a token ends: time to make and distribute the next one. */
const warnBeforeDays = 7;

/** Whether it is valid now and expires within these days; `nowMs` in epoch milliseconds. */
export function endsSoon(entry: TokenEntry, nowMs: number, days = warnBeforeDays): boolean {
  return isInForce(entry, nowMs) && entry.expiresAt - nowMs <= days * 86_400_000;
}

/** A bad tokens file; `problems` lists every mistake. */
export class TokensFileError extends Error {
  readonly problems: readonly string[];

  constructor(path: string, problems: readonly string[]) {
    super(`${path}: ${problems.join("; ")}`);
    this.name = "TokensFileError";
    this.problems = problems;
  }
}

/**
 * Parses a tokens file into entries by kid. Throws TokensFileError with all mistakes at once:
 * unknown fields, an expiry more than 90 days away, a kid used twice. There are no defaults: scopes
 * and environments are required lists.
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
        expiresAt: raw.expires_at,
      },
      notBefore,
      expiresAt: raw.expires_at,
    });
  }
  if (problems.length > 0) throw new TokensFileError(path, problems);
  return entries;
}

/** Drops JSON.parse's message: it quotes the text, which may hold a pasted token. */
function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    throw new TokensFileError(path, ["not valid JSON"]);
  }
}

function toProblem(issue: z.core.$ZodIssue): string {
  // A field's name may be a pasted token.
  const isHidden = issue.code === "unrecognized_keys" && !issue.keys.every((key) => /^[a-z_]{1,20}$/.test(key));
  return `${toPlace(issue.path)}: ${isHidden ? "Unrecognized key" : issue.message}`;
}

function toPlace(path: readonly PropertyKey[]): string {
  const place = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  return place === "" ? "the file" : place;
}
