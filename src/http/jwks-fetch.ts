import type { FetchImplementation } from "jose";

const maxBytes = 256 * 1024;
const pauseMs = 5000;

/**
 * `fetch` for key sets: uncompressed, at most 256 KiB, and after a failure no second try for 5 s, so that a flood of junk tokens
 * does not become a flood of requests to the issuer (jose's own cooldown counts successes only). Redirects are not followed: jose
 * asks for `manual` and takes nothing but a 200.
 */
export function fetchJwks(): FetchImplementation {
  let failedAt = -Infinity;
  return async (url, options) => {
    if (performance.now() - failedAt < pauseMs) throw new Error("the key set could not be fetched a moment ago");
    try {
      const headers = new Headers(options.headers);
      headers.set("accept-encoding", "identity");
      const response = await fetch(url, { ...options, headers });
      if (response.status !== 200) throw new Error(`the key set answered ${response.status}`);
      const set: unknown = JSON.parse((await readCapped(response)).toString());
      if (!isKeySet(set)) throw new Error("the answer is not a key set");
      return Response.json(set);
    } catch (error) {
      failedAt = performance.now();
      throw error;
    }
  };
}

/** As jose wants it. What jose alone refuses would be a success here: no pause would follow. */
function isKeySet(set: unknown): boolean {
  const keys = (set as { keys?: unknown } | null)?.keys;
  return Array.isArray(keys) && keys.every((key) => typeof key === "object" && key !== null && !Array.isArray(key));
}

async function readCapped(response: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > maxBytes) throw new Error("the key set is larger than 256 KiB");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
