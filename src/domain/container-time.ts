/** An RFC 3339 time as UTC with whole seconds; null for Docker's zero time (0001-01-01), for what is no time, and after the year 9999. */
export function toTimestamp(text: string | null | undefined): string | null {
  const ms = text ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms) || ms < 0 || ms >= 253_402_300_800_000) return null;
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** Seconds since an engine's last contact (unix milliseconds), null without any. */
export function toAgeSeconds(contactAt: number | null): number | null {
  return contactAt === null ? null : Math.max(0, (Date.now() - contactAt) / 1000);
}
