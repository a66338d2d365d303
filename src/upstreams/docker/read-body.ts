import type { IncomingMessage } from "node:http";
import { AnswerError } from "./status-error.ts";

/** The whole body as text; rejects once it is larger than `maxBytes`. */
export async function readText(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new AnswerError(`it answered more than ${maxBytes >> 20} MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** The start of a body: whatever comes after `maxBytes` is thrown away, and an error on the way too. */
export async function readStart(response: IncomingMessage, maxBytes: number): Promise<string> {
  return readText(response, maxBytes).catch(() => "");
}

/** JSON of a body; what is none (a proxy's HTML) is an AnswerError, without the parser's own, which quotes the body. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new AnswerError("it answered something that is no JSON: is this really a Docker engine?");
  }
}
