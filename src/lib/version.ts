const versions = new WeakMap<object, number>();
let last = 0;

/** A number for an immutable object: different for every object; 0 for none. It retains nothing. */
export function versionOf(value: object | null | undefined): number {
  if (!value) return 0;
  const known = versions.get(value);
  if (known !== undefined) return known;
  versions.set(value, ++last);
  return last;
}
