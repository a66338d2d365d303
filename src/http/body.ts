import type { IncomingMessage } from "node:http";
import { OpsError } from "../errors.ts";

/**
 * Reads a whole body of at most `maxBytes`. Rejects with payload_too_large (also from a declared length, before reading),
 * unsupported_media_type when it is compressed (no bombs), request_timeout when the client stops sending. The time limit is the
 * server's `requestTimeout`. What is left unread is thrown away by node:http after the answer.
 */
export function readBody(req: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const encoding = req.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") {
    return Promise.reject(new OpsError("unsupported_media_type", "A compressed body is not accepted"));
  }
  const tooLarge = () => new OpsError("payload_too_large", `The body is larger than ${maxBytes} bytes`);
  if (Number(req.headers["content-length"] ?? 0) > maxBytes) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (finish: () => void) => {
      req.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
      finish();
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) settle(() => reject(tooLarge()));
      else chunks.push(chunk);
    };
    const onEnd = () => settle(() => resolve(Buffer.concat(chunks, size)));
    const onClose = () => settle(() => reject(new OpsError("request_timeout", "The body did not arrive")));
    req.on("data", onData).once("end", onEnd).once("close", onClose).once("error", onClose);
  });
}
