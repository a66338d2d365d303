/** Reads the whole body of an upstream. Rejects with the error of `tooLarge` beyond `maxBytes`. */
export async function readBody(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxBytes: number,
  tooLarge: () => Error,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/**
 * Undefined for invalid JSON, without the parser's own error: it quotes the text, which may hold a
 * secret.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The credentials of a URL as Basic authentication sends them, in base64; "" without any. */
export function toBasicCredentials({ username, password }: Pick<URL, "username" | "password">): string {
  if (username === "" && password === "") return "";
  return Buffer.from(`${decodePercent(username)}:${decodePercent(password)}`).toString("base64");
}

/**
 * The address of an API below a configured URL, and the headers of each request to it: the request
 * is a form, the answer uncompressed. Userinfo becomes a header, so that no error or log can quote
 * it. `what` names the URL in the error. Throws TypeError when it is not http(s).
 */
export function parseApiUrl(url: string, what: string, path: string, accept: string) {
  const endpoint = new URL(url);
  if (!/^https?:$/.test(endpoint.protocol)) throw new TypeError(`${what} must start with http:// or https://`);
  const credentials = toBasicCredentials(endpoint);
  endpoint.username = endpoint.password = endpoint.search = endpoint.hash = "";
  endpoint.pathname = `${endpoint.pathname.replace(/\/+$/, "")}${path}`;
  const headers: Record<string, string> = {
    accept,
    "accept-encoding": "identity",
    "content-type": "application/x-www-form-urlencoded",
    "user-agent": "wallet-core-ops",
  };
  if (credentials !== "") headers["authorization"] = `Basic ${credentials}`;
  return { endpoint, headers };
}

/**
 * `ECONNREFUSED`, `ENOTFOUND`, `CERT_HAS_EXPIRED`...: only codes, because Node's messages may quote
 * addresses.
 */
export function toSocketCode(error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
  return /^[A-Z0-9_]{1,64}$/.test(code) ? code : "";
}

/** The text itself if its percent-encoding is broken, such as a lone % in a password. */
export function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
