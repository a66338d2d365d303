/**
 * A release as people say it: 7 characters of a commit; of a tag with a time, the part that
 * differs, without the year ("deploy-20261127-090637-staging" is "1127-090637"); else the tag
 * itself.
 */
export function toShortRelease(version: string): string {
  if (/^[0-9a-f]{12,64}$/.test(version)) return version.slice(0, 7);
  return /^deploy-\d{4}(\d{4}-\d{4,6})(?:-[a-z]+)?$/.exec(version)?.[1] ?? version;
}
