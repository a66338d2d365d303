const form = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

/** A W3C `traceparent`; null for a malformed one. Source: Trace Context, section 3.2. */
export function parseTraceparent(
  header: string | string[] | undefined,
): { readonly traceId: string; readonly spanId: string; readonly isSampled: boolean } | null {
  const [, traceId, spanId, flags] = (typeof header === "string" && form.exec(header)) || [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}
