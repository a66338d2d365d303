/** On every answer that is data: flat name/value list. Source: security.md H3. HSTS belongs to whoever ends TLS. */
export const apiHeaders: readonly string[] = [
  "Cache-Control",
  "no-store",
  "X-Content-Type-Options",
  "nosniff",
  "Referrer-Policy",
  "no-referrer",
  "Content-Security-Policy",
  "default-src 'none'; frame-ancestors 'none'",
];
