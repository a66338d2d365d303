const embedded = /ops_[a-z0-9]{4,32}_[0-9A-Za-z]{20,}/g;

/** Replaces our tokens inside a text by `ops_<redacted>`, also mistyped and cut ones. */
export function redactTokens(text: string): string {
  return text.includes("ops_") ? text.replace(embedded, "ops_<redacted>") : text;
}

/** Shorter ones would hide ordinary words. */
const minLength = 8;
/** From so many characters on, the beginning of a value at the end of a text that was cut is hidden too. */
const minCutLength = 4;

/** Longest first, so that one that begins with another is hidden whole. */
let values: readonly string[] = [];

/**
 * From now on these values are hidden wherever text is redacted: those of the gateway's own configuration (its token, the passwords of its URLs), which
 * belong to the process and not to one upstream, so that no way to a log line can leave them out. Also as JSON and URLs write them. Values of
 * less than 8 characters are left alone. Source: security.md L3.
 */
export function protectSecrets(secrets: readonly string[]): void {
  const forms = secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]);
  const known = new Set([...values, ...forms.filter((form) => form.length >= minLength)]);
  values = [...known].toSorted((a, b) => b.length - a.length);
}

/** Replaces each of them by `[redacted]`. */
export function redactOwnSecrets(text: string): string {
  let safe = text;
  for (const value of values) if (safe.includes(value)) safe = safe.replaceAll(value, mark);
  return safe;
}

/** For a text that was cut, perhaps in the middle of one: its end is replaced where it is the beginning of one. */
export function redactCutSecret(text: string): string {
  for (const value of values) {
    for (let length = value.length - 1; length >= minCutLength; length--) {
      if (text.endsWith(value.slice(0, length))) return text.slice(0, -length) + mark;
    }
  }
  return text;
}

const mark = "[redacted]";
/** Every pattern below needs one of these: a line without any is left alone, which is nearly every line. Grouped by first letters, which is faster. */
const hint =
  /ops_|eyJ|bearer|p(?:ass|wd)|s(?:ecret|k_|k-[\w-]{16}|g\.\w|ig(?:nature)?=)|token|key|a(?:uth|kia|sia|bia|cca|iza)|c(?:ookie|redential)|:\/\/|g(?:h[pousr]_|ithub_pat_|lpat-)|rk_|whsec_|xox|npm_|-----BEGIN/i;

/** Of presigned URLs (AWS, Azure, Google), and of AWS's header: elsewhere a signature is no secret, or only a word. */
const signature = String.raw`sig(?:nature)?(?==)(?:(?<=(?:[?&;]|u0026|X-(?:Amz|Goog)-)sig(?:nature)?)|(?==[\w%+/=-]{32}))`;
/** Keys whose value is always a secret, and those that are also ordinary words, whose bare value must look like one. Conditions come last: they are seldom tried. */
const key =
  "passw(?:or)?d|passwd|passphrase|pwd|secret(?:_?access)?(?:[_-]?key)?|(?:api|access|private|signing|encryption|account|master|session)[_ -]?key" +
  String.raw`|key[_-]?base|credentials?|auth(?:orization)?|token|pass(?<![a-z\d]pass)|${signature}`;
const quoted = String.raw`(?<quote>\\?["'])(?:(?:[^\\]|\\.)*?\k<quote>|.*)`;
/** A quote in the middle of it is its own, where more of it follows. */
const bare = String.raw`[^\s,;&"'\\)}\]]+(?:["'](?=[^\s,;&"'\\)}\]:>])[^\s,;&"'\\)}\]]+)*`;
const scheme = String.raw`(?:(?:Basic|Bearer|Digest|Token)\s{1,4})?`;
/** `password is hunter2`, `api_token 'a1b2c3d4'`: prose, so that only certain keys are meant, and a value with letters and digits. */
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
/** Of words that prose uses too ("unexpected token: foo"). */
const ordinary = /^(?:auth|token|credentials?|secret|pass)$/i;
/** What a pass of tests or of a loop is said to be, and no password is. */
const ofPass = /^(?:\d{1,3}(?:[./]\d{1,3})?(?:m?s|%)?|ok|yes|no|on|off|done|all|pass(?:ed)?|fail(?:ed|ure)?|skip(?:ped)?)$/i;
const harmless = /^(?:null|nil|none|undefined|true|false|\*+|\[redacted\]?|\[?filtered\]?|ops_<redacted>)$/i;

/** Formats that tell by themselves. `(?<!...)` before an open-ended one keeps its possible beginnings apart, and so the work linear. */
const formats = [
  // Also without the signature, at the end of a text that was cut.
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
/** Also with a slash in the password, but not of a port. Such a password ends at the first `@`: there may be more of them in a path. */
const userinfo = /(:\/\/[^\s/?#@:"'<>[]*):(?:[^\s/"'<>]*@|(?!\/|\d{1,5}[/?#])(?:[^\s/"'<>@]|\/(?!\/))*@(?:[^\s/?#"'<>@]*@)*)/g;
const userinfoToken = /(:\/\/)[^\s/?#@:"'<>]{16,}@/g;

/**
 * A line with the gateway's own secrets, and what looks like a secret, replaced by `[redacted]`: our tokens, JWTs, `Bearer ...`, `password=...` and its kin (also in JSON),
 * URLs with a password or a signature, keys of AWS, GitHub, GitLab, Stripe, Slack, Google, npm, OpenAI, SendGrid, and private keys. Best effort, in linear time. Source: security.md L3.
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
  if (value === undefined && /^pass$/i.test(name) && ofPass.test(whole.slice((name + gap + quote).length, -1))) return whole;
  if (value === undefined) return `${name}${gap}${quote}${mark}${whole.endsWith(quote ?? "") ? quote : ""}`;
  if (harmless.test(value)) return whole;
  if (!isProse(name, gap, value, () => (rest.at(-2) as string)[(rest.at(-3) as number) - 1])) return `${name}${gap}${mark}`;
  return /[=:]/.test(value) ? whole.slice(0, -value.length) + value.replace(pair, redactPair) : whole;
}

function isProse(name: string, gap: string, value: string, before: () => string | undefined): boolean {
  if (!ordinary.test(name)) return false;
  const isShort = /[:=]\s/.test(gap) && value.length < 16 && !/\d/.test(value);
  if (!/^pass$/i.test(name)) return isShort;
  if (ofPass.test(value)) return true;
  // Not as in `DB_PASS`, which is no word of prose, but as in `PASS: TestHTTP2`.
  return !/[\w-]/.test(before() ?? "") && (isShort || (name === "PASS" && /:\s/.test(gap)));
}

type Groups = Readonly<Record<"key", string>> & Readonly<Record<"gap" | "said" | "quote" | "bare", string | undefined>>;
