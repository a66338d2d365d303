import { redactOwnSecrets } from "./own-secrets.ts";
import { redactTokens } from "./token.ts";

const mark = "[redacted]";
/** Every pattern below needs one of these: a line without any is left alone, which is nearly every line. */
const hint =
  /ops_|eyJ|bearer|pass|pwd|secret|token|key|auth|cookie|credential|:\/\/|A(?:KIA|SIA|BIA|CCA|Iza)|gh[pousr]_|github_pat_|glpat-|[sr]k_|whsec_|xox|npm_|-----BEGIN/i;

/** Keys whose value is always a secret, and those that are also ordinary words, whose bare value must look like one. */
const key =
  "passw(?:or)?d|passwd|passphrase|pwd|secret(?:_?access)?(?:[_-]?key)?|(?:api|access|private|signing|encryption|account|master|session)[_-]?key" +
  "|key[_-]?base|credentials?|auth(?:orization)?|token";
const quoted = String.raw`(?<quote>\\?["'])(?:(?:[^\\]|\\.)*?\k<quote>|.*)`;
const bare = String.raw`[^\s,;&"'\\)}\]]+`;
const scheme = String.raw`(?:(?:Basic|Bearer|Digest|Token)\s{1,4})?`;
const pair = new RegExp(
  String.raw`(?<key>${key})(?<gap>(?:\\?["'])?\s{0,4}(?:=>|[=:])\s{0,4})(?:${quoted}|${scheme}(?<bare>${bare}))`,
  "gi",
);
/** Of words that prose uses too ("unexpected token: foo"). */
const ordinary = /^(?:auth|token|credentials?|secret)$/i;
const harmless = /^(?:null|nil|none|undefined|true|false|\*+|\[redacted\]?|\[?filtered\]?|ops_<redacted>)$/i;

/** Formats that tell by themselves. `(?<!...)` before an open-ended one keeps its possible beginnings apart, and so the work linear. */
const formats = [
  String.raw`(?<![\w-])eyJ[\w-]+\.eyJ[\w-]+\.[\w-]*`,
  String.raw`\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b`,
  String.raw`gh[pousr]_[A-Za-z0-9]{20,}`,
  String.raw`github_pat_\w{20,}`,
  String.raw`(?<![\w-])glpat-[\w-]{16,}`,
  String.raw`[sr]k_(?:live|test)_[A-Za-z0-9]{10,}`,
  String.raw`whsec_[A-Za-z0-9+/]{16,}={0,2}`,
  String.raw`(?<![\w-])xox[abeprs]-[A-Za-z0-9-]{10,}`,
  String.raw`\bAIza[\w-]{35}`,
  String.raw`\bnpm_[A-Za-z0-9]{36}`,
  String.raw`-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----[^-]*(?:-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----)?`,
];
const known = new RegExp(formats.join("|"), "g");
const bearer = /\b(Bearer)(\s{1,4})(?:(?=\S*\d)[\w.~+/=-]{8,}|[\w.~+/=-]{20,})/gi;
const cookie = /\b((?:set-)?cookie\\?["']?\s{0,4}[:=]\s{0,4}\\?["']?)[^"'\\]+/gi;
const userinfo = /(:\/\/[^\s/?#@:"'<>]*):[^\s/"'<>]*@/g;
const userinfoToken = /(:\/\/)[^\s/?#@:"'<>]{16,}@/g;

/**
 * A line with the gateway's own secrets, and what looks like a secret, replaced by `[redacted]`: our tokens, JWTs, `Bearer ...`, `password=...` and its kin (also in JSON),
 * URLs with a password, keys of AWS, GitHub, GitLab, Stripe, Slack, Google, npm, and private keys. Best effort, in linear time. Source: security.md L3.
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
  const {
    key: name,
    gap,
    quote,
    bare: value,
  } = rest.at(-1) as Readonly<Record<"key" | "gap", string>> & Readonly<Record<"quote" | "bare", string | undefined>>;
  if (value === undefined) return `${name}${gap}${quote}${mark}${whole.endsWith(quote ?? "") ? quote : ""}`;
  if (harmless.test(value)) return whole;
  const isProse = ordinary.test(name) && /[:=]\s/.test(gap) && value.length < 16 && !/\d/.test(value);
  return isProse ? whole : `${name}${gap}${mark}`;
}
