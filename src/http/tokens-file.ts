import { readFileSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import type { Logger } from "../logger.ts";
import { toTimestamp } from "../domain/container-time.ts";
import type { TokenEnd } from "../domain/token.ts";
import { endsSoon, isInForce, parseTokensFile, type TokenEntry, TokensFileError } from "./token-entry.ts";

export interface TokensFile {
  /** The entry of a kid in the set in force now. */
  find(kid: string): TokenEntry | undefined;
  /** When each of them ends, also those that are not in force. */
  ends(): readonly TokenEnd[];
  /** Whether no entry is in force now. */
  isSpent(): boolean;
  /** Looks for a change now instead of at the next tick. */
  reload(): Promise<void>;
  close(): void;
}

interface TokensFileOptions {
  readonly path: string;
  readonly logger: Logger;
  /** How often the file is looked at, ms. A poll, because file events do not cross bind mounts. @default 2000 */
  readonly pollMs?: number;
  /** Wall clock, epoch milliseconds. @default Date.now */
  readonly now?: () => number;
}

/** How often the log says that a token ends soon. */
const warnEveryMs = 24 * 3_600_000;

/** The entries of the file as it is now. Throws TokensFileError, also when it cannot be read. Reads through `read` only. */
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
 * The hashed tokens of a file, followed as it changes. The first read must succeed (throws TokensFileError); later a bad or missing file keeps the whole old set, and each bad version is logged once.
 * A token that ends within 7 days is logged once a day.
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
      logger.warn({ kid, subject, expires_at: toTimestamp(new Date(expiresAt).toISOString()) }, "token ends within 7 days");
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
      if (version !== seen) logger.error({ err: error }, "tokens file not reloaded: the old tokens stay in force");
    } finally {
      seen = version;
      busy = false;
      warnOfEnds();
    }
  };
  warnOfEnds();

  // The first tick may read the file again: it may have changed between our read and the first stat.
  const timer = setInterval(() => void reload(), pollMs).unref();
  const isSpent = () => ![...entries.values()].some((entry) => isInForce(entry, now()));
  const ends = () => [...entries.values()].map(({ principal: { kid, subject }, expiresAt }) => ({ kid, subject, expiresAt }));
  return { find: (kid) => entries.get(kid), ends, isSpent, reload, close: () => clearInterval(timer) };
}
