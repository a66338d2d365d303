import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { EdgeReply } from "./surface.ts";

/** Shorter bodies are not worth compressing. */
export const minCompressed = 1000;

const compressors = {
  br: (body: Buffer) => promisify(brotliCompress)(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
  gzip: (body: Buffer) => promisify(gzip)(body),
} as const;
export type Encoding = keyof typeof compressors;

/** The forms of a body that is sent several times; the memo keeps the body itself. */
const forms = new WeakMap<Buffer, Map<Encoding, Buffer | Promise<Buffer>>>();

/** The compressed body, made once. A promise only during compression. */
export function compress(body: Buffer, encoding: Encoding): Buffer | Promise<Buffer> {
  const own = forms.get(body) ?? new Map<Encoding, Buffer | Promise<Buffer>>();
  forms.set(body, own);
  const known = own.get(encoding);
  if (known) return known;
  const made = compressors[encoding](body).then((compressed) => {
    const kept = toOwnMemory(compressed);
    own.set(encoding, kept);
    return kept;
  });
  own.set(encoding, made);
  return made;
}

/** A copy outside of Node's pool: a small body inside it would keep a whole slab of 64 KB alive. */
export function toOwnMemory(bytes: Buffer): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(own);
  return own;
}

const compressible = /^(?:application\/(?:[\w.-]+\+)?json|text\/plain)\b/;

/**
 * An answer in the encoding that the client wants: JSON and plain text of at least 1,000 bytes are
 * compressed, unless the reply has chosen its own form (it then has a `vary`).
 */
export function encodeReply(reply: EdgeReply, accepted: string | string[] | undefined): EdgeReply | Promise<EdgeReply> {
  const { body, headers = {}, status, stream } = reply;
  if (stream || status !== 200 || body.length < minCompressed || headers["vary"] || headers["Vary"]) return reply;
  const type = headers["content-type"] ?? headers["Content-Type"] ?? "application/json";
  if (!compressible.test(type)) return reply;
  const encoding = toEncoding(accepted);
  if (encoding === null) return { ...reply, headers: { ...headers, vary: "Accept-Encoding" } };
  const encode = (compressed: Buffer): EdgeReply => ({
    ...reply,
    body: compressed,
    headers: { ...headers, vary: "Accept-Encoding", "content-encoding": encoding },
  });
  const made = compress(typeof body === "string" ? Buffer.from(body) : body, encoding);
  return made instanceof Promise ? made.then(encode) : encode(made);
}

/**
 * The names in a preference header and their qualities, 0 to 1; for a repeated name the greatest.
 * Source: RFC 9110, 12.4.2.
 */
export function toWeights(header: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const part of header.toLowerCase().split(",")) {
    const [name = "", ...params] = part.split(";").map((text) => text.trim());
    const q = params.find((param) => param.startsWith("q="));
    weights.set(name, Math.max(weights.get(name) ?? 0, q ? Number(q.slice(2)) || 0 : 1));
  }
  return weights;
}

/**
 * The form that the client prefers (RFC 9110, section 12.5.3); null for none. At equal weights br,
 * as it is smaller. `offered`: the available forms.
 */
export function toEncoding(
  header: string | string[] | undefined,
  offered: readonly Encoding[] = ["br", "gzip"],
): Encoding | null {
  if (!header) return null;
  const weights = toWeights(String(header));
  const weigh = (name: string) => weights.get(name) ?? weights.get("*") ?? 0;
  const [br, zip, plain] = [
    offered.includes("br") ? weigh("br") : 0,
    Math.max(weigh("gzip"), weights.get("x-gzip") ?? 0),
    weights.get("identity") ?? 0,
  ];
  if (Math.max(br, zip) <= 0 || plain > Math.max(br, zip)) return null;
  return br >= zip ? "br" : "gzip";
}
