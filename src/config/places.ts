import type { PlaceUrls } from "../queues/places.ts";

/** A comma ends a URL only before another one, with or without a name. */
const betweenEntries = /,(?=\s*(?:[^,=/@]*=)?[a-z][a-z\d+.-]*:\/\/)/i;
const placeName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/;

interface PlacesOptions {
  /** Returns a valid URL unchanged, and null for any other text. */
  readonly toUrl: (text: string) => string | null;
  /** What a URL must be, for messages. */
  readonly expected: string;
  /** Two URLs, for the message that shows the form. */
  readonly example: readonly [string, string];
}

/**
 * Parses one URL, or a comma list of `name=url` with each name once. Names have letters, digits,
 * `.`, `-` and `_`, begin with a letter or digit, and have at most 32 characters. `fail` gets what
 * follows the variable's name, without a part of the text: that may be a part of a password.
 */
export function parsePlaces(text: string, options: PlacesOptions, fail: (problem: string) => void): PlaceUrls {
  const { toUrl, expected, example } = options;
  const entries = text.split(betweenEntries).map(toEntry);
  const [only] = entries;
  if (entries.length === 1 && only?.name === null) {
    const url = toUrl(text);
    if (url === null) fail(`must be ${expected}`);
    return url;
  }
  const names = entries.map(({ name }) => name);
  const problems = entries.flatMap(({ name, url }, index) => {
    const first = names.indexOf(name);
    if (name === null) return [`entry ${index + 1} has no name`];
    if (!placeName.test(name))
      return [
        `the name of entry ${index + 1} must be 1 to 32 letters, digits, '.', '-' or '_', and start with a letter or digit`,
      ];
    if (first < index) return [`entry ${index + 1} has the name of entry ${first + 1}`];
    return toUrl(url) === null ? [`entry ${index + 1} must be ${expected}`] : [];
  });
  if (problems.length === 0) return new Map(entries.map(({ name, url }) => [name ?? "", url]));
  const [one, two] = example;
  fail(`must be one URL, or several with a name each (shop=${one},billing=${two}): ${problems.join("; ")}`);
  return null;
}

function toEntry(text: string): { readonly name: string | null; readonly url: string } {
  const [, name = null, url = text] = /^\s*([^,=/@:?#]*)=(.*)$/s.exec(text) ?? [];
  return { name, url: url.trim() };
}
