import { request } from "node:http";
import type { Readable } from "node:stream";

/**
 * One call to an engine's Unix socket without a client library; returns the answer as JSON, null if
 * it is not JSON. Rejects with the engine's text on a status >= 400.
 */
export function callDocker(
  socketPath: string,
  method: string,
  path: string,
  body?: object | Readable,
  signal: AbortSignal = AbortSignal.timeout(30_000),
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const isTar = body !== undefined && "pipe" in body;
    const headers = body === undefined ? {} : { "content-type": isTar ? "application/x-tar" : "application/json" };
    const call = request({ socketPath, method, path, headers, signal }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        if ((response.statusCode ?? 500) >= 400)
          reject(new Error(`${method} ${path}: ${response.statusCode} ${text.trim()}`));
        else resolve(parseJson(text));
      });
    });
    call.on("error", reject);
    if (isTar) body.on("error", reject).pipe(call);
    else call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
