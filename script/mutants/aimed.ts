/** Code of rights and limits: every mutant inside one of these pieces of text must be noticed. */
export const aimed: readonly (readonly [file: string, code: string])[] = [
  ["src/http/auth.ts", "timingSafeEqual(digest, entry.digest) && isInForce(entry, Date.now())"],
];
