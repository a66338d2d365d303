import { hash, randomBytes, randomInt } from "node:crypto";
import { type Scope, scopes } from "../auth/principal.ts";
import { createToken } from "../auth/token.ts";
import type { TokenFileEntry } from "../auth/tokens-file.ts";
import { type Environment, environments, parseEnvironment } from "../lib/environment.ts";
import { formatRfc3339 } from "../lib/time.ts";
import { createCommand, UsageError } from "./command.ts";

const usage = `usage: token --subject NAME --scopes LIST --environments LIST [--days N]

  --subject        who will hold it, for the logs and the audit record
  --scopes         comma list of ${scopes.join(", ")}
  --environments   comma list of ${environments.join(", ")}
  --days           until it expires, 1 to 90 (30)
`;

const options = {
  subject: { type: "string" },
  scopes: { type: "string" },
  environments: { type: "string" },
  days: { type: "string", default: "30" },
} as const;

/** Prints a new token once, and its entry for TOKENS_FILE, which holds only the hash. */
export const tokenCommand = createCommand({ usage, options }, async ({ print }, { values }) => {
  const { token, entry } = makeToken(toRequest(values));
  print(`token (shown once, keep it secret):\n${token}\n\nentry for the list in WALLET_CORE_OPS_TOKENS_FILE:`);
  print(JSON.stringify(entry, null, 2));
  return 0;
});

type Values = { readonly [name in keyof typeof options]?: string };

/** Throws UsageError for the first missing or bad option. */
function toRequest({ subject = "", scopes: granted, environments: where, days = "" }: Values) {
  const lifetime = /^\d{1,2}$/.test(days) ? Number(days) : 0;
  if (!/^[A-Za-z0-9._@:/-]{1,64}$/.test(subject))
    throw new UsageError("--subject must be 1 to 64 of A-Z a-z 0-9 . _ @ : / -");
  if (lifetime < 1 || lifetime > 90) throw new UsageError("--days must be 1 to 90");
  return {
    subject,
    scopes: toList<Scope>("scopes", granted, scopes),
    environments: toList<Environment>("environments", where, environments, parseEnvironment),
    expiresAt: new Date(Date.now() + lifetime * 86_400_000),
  };
}

/** The words of a comma list. Throws UsageError when it is empty or a word is unknown. */
function toList<T extends string>(
  name: string,
  text: string | undefined,
  known: readonly T[],
  parse: (word: string) => string | null = (word) => word,
): T[] {
  const words = (text ?? "")
    .split(",")
    .map((word) => word.trim())
    .filter(Boolean)
    .map((word) => parse(word) ?? word);
  const found = known.filter((word) => words.includes(word));
  if (words.length === 0 || !words.every((word) => known.some((one) => one === word))) {
    throw new UsageError(`--${name} must be a comma list of ${known.join(", ")}`);
  }
  return found;
}

interface TokenRequest {
  readonly subject: string;
  readonly scopes: readonly Scope[];
  readonly environments: readonly Environment[];
  readonly expiresAt: Date;
  /** Random when absent. */
  readonly kid?: string;
}

/**
 * Creates a token, to be shown once, and its hashed entry for the tokens file. Throws RangeError
 * for a bad kid.
 */
export function makeToken(request: TokenRequest): { token: string; entry: TokenFileEntry } {
  const { expiresAt, kid = randomKid() } = request;
  const token = createToken(kid, randomBytes(32));
  const sha256 = hash("sha256", token, "hex");
  return {
    token,
    entry: {
      kid,
      subject: request.subject,
      sha256,
      scopes: [...request.scopes],
      environments: [...request.environments],
      not_before: formatRfc3339(Date.now()),
      expires_at: formatRfc3339(expiresAt),
    },
  };
}

function randomKid(): string {
  return Array.from({ length: 8 }, () => randomInt(36).toString(36)).join("");
}
