/** Shorter ones would hide ordinary words. */
const minLength = 8;
/** From so many characters on, the beginning of a value at the end of a text that was cut is hidden too. */
const minCutLength = 4;
const mark = "[redacted]";

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
