const embedded = /ops_[a-z0-9]{4,32}_[0-9A-Za-z]{20,}/g;

/** Replaces our tokens in a text by `ops_<redacted>`, even mistyped and cut ones. */
export function redactTokens(text: string): string {
  return text.includes("ops_") ? text.replace(embedded, "ops_<redacted>") : text;
}

/** Shorter values would hide ordinary words. */
const minLength = 8;
/** From this length on, the start of a value is also hidden at the end of a cut text. */
const minCutLength = 4;

/** Longest first, so that a value that starts with another is hidden whole. */
let values: readonly string[] = [];

/**
 * From now on, hides these values wherever text is redacted, also as JSON and URLs write them. They
 * are the secrets of the gateway's own configuration (its token, the passwords of its URLs). They
 * are global to the process, so that no path to a log line can miss them. Values under 8 characters
 * are ignored.
 */
export function protectSecrets(secrets: readonly string[]): void {
  const forms = secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]);
  const known = new Set([...values, ...forms.filter((form) => form.length >= minLength)]);
  values = [...known].toSorted((a, b) => b.length - a.length);
}

/** Replaces each protected value by `[redacted]`. */
export function redactOwnSecrets(text: string): string {
  let safe = text;
  for (const value of values) if (safe.includes(value)) safe = safe.replaceAll(value, mark);
  return safe;
}

/**
 * For a text that was cut, perhaps inside a protected value: replaces an end that is the start of
 * such a value.
 */
export function redactCutSecret(text: string): string {
  for (const value of values) {
    for (let length = value.length - 1; length >= minCutLength; length--) {
      if (text.endsWith(value.slice(0, length))) return text.slice(0, -length) + mark;
    }
  }
  return text;
}

const mark = "[redacted]";
/**
 * Every pattern below needs one of these; nearly every line has none and is returned unchanged.
 * Grouped by first letters for speed.
 */
const hint =
  /ops_|eyJ|bearer|p(?:ass|wd)|s(?:ecret|k_|k-[\w-]{16}|g\.\w|ig(?:nature)?=)|token|key|a(?:uth|kia|sia|bia|cca|iza)|c(?:ookie|redential)|:\/\/|g(?:h[pousr]_|ithub_pat_|lpat-)|rk_|whsec_|xox|npm_|-----BEGIN/i;

/**
 * Signatures of presigned URLs (AWS, Azure, Google) and of AWS's header. Elsewhere a signature is
 * not a secret, or is only a word.
 */
const signature = String.raw`sig(?:nature)?(?==)(?:(?<=(?:[?&;]|u0026|X-(?:Amz|Goog)-)sig(?:nature)?)|(?==[\w%+/=-]{32}))`;
/**
 * Keys whose value is always a secret, and keys that are also ordinary words, whose bare value must
 * look like one. Rare conditions come last.
 */
const key =
  "passw(?:or)?d|passwd|passphrase|pwd|secret(?:_?access)?(?:[_-]?key)?|(?:api|access|private|signing|encryption|account|master|session)[_ -]?key" +
  String.raw`|key[_-]?base|credentials?|auth(?:orization)?|token|pass(?<![a-z\d]pass)|${signature}`;
const quoted = String.raw`(?<quote>\\?["'])(?:(?:[^\\]|\\.)*?\k<quote>|.*)`;
/** A quote inside the value belongs to it when more of the value follows. */
const bare = String.raw`[^\s,;&"'\\)}\]]+(?:["'](?=[^\s,;&"'\\)}\]:>])[^\s,;&"'\\)}\]]+)*`;
const scheme = String.raw`(?:(?:Basic|Bearer|Digest|Token)\s{1,4})?`;
/**
 * `password is hunter2`, `api_token 'a1b2c3d4'`: prose, so only certain keys match, and only a
 * value with letters and digits.
 */
const word = String.raw`[^\s,;&=:"'\x60\\)}\]]`;
const spokenKey =
  "(?<=passw(?:or)?d|passwd|passphrase|(?:api|access|auth|refresh|session|private|secret|signing|client)[_ -]?(?:token|key|secret))";
const spoken =
  String.raw`${spokenKey}(?<said>\s{1,4}(?:(?:is|was)\s{1,4}["'\x60]?|["'\x60]))` +
  String.raw`(?!(?:base|sha|md|utf|argon|oauth)-?\d)(?=${word}*\d)(?=${word}*[a-z])${word}{6,}`;
const pair = new RegExp(
  String.raw`(?<key>${key})(?:(?<gap>(?:\\?["'])?\s{0,4}(?:=>|[=:])\s{0,4})(?:${quoted}|${scheme}(?<bare>${bare}))|${spoken})`,
  "gi",
);
/** Words that prose uses too ("unexpected token: foo"). */
const ordinary = /^(?:auth|token|credentials?|secret|pass)$/i;
/** Results of a test run or a loop, which no password looks like. */
const ofPass =
  /^(?:\d{1,3}(?:[./]\d{1,3})?(?:m?s|%)?|ok|yes|no|on|off|done|all|pass(?:ed)?|fail(?:ed|ure)?|skip(?:ped)?)$/i;
const harmless = /^(?:null|nil|none|undefined|true|false|\*+|\[redacted\]?|\[?filtered\]?|ops_<redacted>)$/i;

/**
 * Formats that need no key. `(?<!...)` before an open-ended one separates its possible starts,
 * which makes the time linear.
 */
const formats = [
  // Also without the signature, at the end of a cut text.
  String.raw`(?<![\w-])eyJ[\w-]+\.eyJ[\w-]+(?:\.[\w-]*|$)`,
  String.raw`\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b`,
  String.raw`gh[pousr]_[A-Za-z0-9]{20,}`,
  String.raw`github_pat_\w{20,}`,
  String.raw`(?<![\w-])glpat-[\w-]{16,}`,
  String.raw`[sr]k_(?:live|test)_[A-Za-z0-9]{10,}`,
  String.raw`(?<![\w-])sk-(?:(?:proj|svcacct|admin|ant|or)-[\w-]{16,}|[A-Za-z0-9]{20,})`,
  String.raw`\bSG\.[\w-]{16,}\.[\w-]{16,}`,
  String.raw`whsec_[A-Za-z0-9+/]{16,}={0,2}`,
  String.raw`(?<![\w-])xox[abeprs]-[A-Za-z0-9-]{10,}`,
  String.raw`\bAIza[\w-]{35}`,
  String.raw`\bnpm_[A-Za-z0-9]{36}`,
  String.raw`-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----[^-]*(?:-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----)?`,
];
const known = new RegExp(formats.join("|"), "g");
const bearer = /\b(Bearer)(\s{1,4})(?:(?=\S*\d)[\w.~+/=-]{8,}|[\w.~+/=-]{20,})/gi;
const cookie = /\b((?:set-)?cookie\\?["']?\s{0,4}[:=]\s{0,4}\\?["']?)[^"'\\]+/gi;
/**
 * Also matches a slash in the password, but not a port. Such a password ends at the first `@`,
 * because a path may contain more of them.
 */
const userinfo =
  /(:\/\/[^\s/?#@:"'<>[]*):(?:[^\s/"'<>]*@|(?!\/|\d{1,5}[/?#])(?:[^\s/"'<>@]|\/(?!\/))*@(?:[^\s/?#"'<>@]*@)*)/g;
const userinfoToken = /(:\/\/)[^\s/?#@:"'<>]{16,}@/g;

/**
 * Replaces the gateway's own secrets, and text that looks like a secret, by `[redacted]`: our
 * tokens, JWTs, `Bearer ...`, `password=...` and similar (also in JSON), URLs with a password or a
 * signature, keys of AWS, GitHub, GitLab, Stripe, Slack, Google, npm, OpenAI, SendGrid, and private
 * keys. Best effort, in linear time.
 */
export function redactSecrets(line: string): string {
  const text = redactOwnSecrets(line);
  if (!hint.test(text)) return text;
  return redactTokens(text)
    .replace(known, mark)
    .replace(userinfo, `$1:${mark}@`)
    .replace(userinfoToken, `$1${mark}@`)
    .replace(cookie, `$1${mark}`)
    .replace(bearer, `$1$2${mark}`)
    .replace(pair, redactPair);
}

function redactPair(whole: string, ...rest: unknown[]): string {
  const { key: name, gap = "", said, quote, bare: value } = rest.at(-1) as Groups;
  if (said !== undefined) return `${name}${said}${mark}`;
  if (value === undefined && /^pass$/i.test(name) && ofPass.test(whole.slice((name + gap + quote).length, -1)))
    return whole;
  if (value === undefined) return `${name}${gap}${quote}${mark}${whole.endsWith(quote ?? "") ? quote : ""}`;
  if (harmless.test(value)) return whole;
  if (!isProse(name, gap, value, () => (rest.at(-2) as string)[(rest.at(-3) as number) - 1]))
    return `${name}${gap}${mark}`;
  return /[=:]/.test(value) ? whole.slice(0, -value.length) + value.replace(pair, redactPair) : whole;
}

function isProse(name: string, gap: string, value: string, before: () => string | undefined): boolean {
  if (!ordinary.test(name)) return false;
  const isShort = /[:=]\s/.test(gap) && value.length < 16 && !/\d/.test(value);
  if (!/^pass$/i.test(name)) return isShort;
  if (ofPass.test(value)) return true;
  // `DB_PASS` is a key; `PASS: TestHTTP2` is prose.
  return !/[\w-]/.test(before() ?? "") && (isShort || (name === "PASS" && /:\s/.test(gap)));
}

type Groups = Readonly<Record<"key", string>> & Readonly<Record<"gap" | "said" | "quote" | "bare", string | undefined>>;
