/** What our clients of HTTP upstreams share. Rejects with the error of `tooLarge` beyond `maxBytes`. */
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

/** Undefined for invalid JSON, without the parser's own error: it quotes the text, which may hold a secret. */
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

/** The text itself if its percent-encoding is broken, such as a lone % in a password. */
export function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
