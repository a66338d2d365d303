import type { PlaceUrls } from "../queues/places.ts";

/** A comma ends a URL only before another one, with or without a name. */
const betweenEntries = /,(?=\s*(?:[^,=/@]*=\s*)?[a-z][a-z\d+.-]*:\/\/)/i;
/**
 * After the host of a URL: a comma or semicolon in its path, or a second URL. What follows may be a
 * password.
 */
const secondEntry = /^[^/]*:\/\/[^/?#]*[/?#](?:[^?#]*[,;]|.*[a-z\d]:\/\/)/is;
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
    else if (!secondEntry.test(url)) return url;
    else fail(`must be one URL, or several with a name each (${toForm(example)}): ${apart}`);
    return null;
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
    if (toUrl(url) === null) return [`entry ${index + 1} must be ${expected}`];
    return secondEntry.test(url) ? [`entry ${index + 1} has more than one URL: ${apart}`] : [];
  });
  if (problems.length === 0) return new Map(entries.map(({ name, url }) => [name ?? "", url]));
  fail(`must be one URL, or several with a name each (${toForm(example)}): ${problems.join("; ")}`);
  return null;
}

const apart = "put a comma and a name before each other one, and write a comma or semicolon of a path as %2C or %3B";

function toForm([one, two]: PlacesOptions["example"]): string {
  return `shop=${one},billing=${two}`;
}

function toEntry(text: string): { readonly name: string | null; readonly url: string } {
  const [, name = null, url = text] = /^\s*([^,=/@:?#]*)=(.*)$/s.exec(text) ?? [];
  return { name: name && name.trimEnd(), url: url.trim() };
}
