import type { LogStream } from "../../domain/container.ts";

/** Larger frames than this are no frames: the engine writes at most 16 KiB and a time stamp. */
export const maxFrameBytes = 1 << 20;

export interface Demuxer {
  /** Takes the next bytes of the stream, split anywhere. False once the stream turned out to be no multiplexed one; then it takes no more. */
  push(chunk: Buffer): boolean;
}

/**
 * Splits Docker's multiplexed stream into its frames: `[stream, 0, 0, 0, length as u32be]` and the payload. One frame is one log
 * entry, so its borders matter, and the order across both streams too. Frames of stdin (0) are dropped. Holds at most one frame.
 */
export function createDemuxer(onFrame: (stream: LogStream, payload: Buffer) => void): Demuxer {
  let pieces: Buffer[] = [];
  let size = 0;
  let needed = 8;
  let malformed = false;

  /** Consumes whole frames from the start of `data`; returns what is left of it. */
  const consume = (data: Buffer): Buffer => {
    let offset = 0;
    while (data.length - offset >= 8) {
      const stream = data[offset] ?? 0;
      const length = data.readUInt32BE(offset + 4);
      if (stream > 2 || data[offset + 1] || data[offset + 2] || data[offset + 3] || length > maxFrameBytes) {
        malformed = true;
        return Buffer.alloc(0);
      }
      needed = 8 + length;
      if (data.length - offset < needed) return data.subarray(offset);
      if (stream > 0) onFrame(stream === 1 ? "stdout" : "stderr", data.subarray(offset + 8, offset + needed));
      offset += needed;
      needed = 8;
    }
    return data.subarray(offset);
  };
  return {
    push(chunk) {
      if (malformed) return false;
      pieces.push(chunk);
      size += chunk.length;
      // Joining only when a header or a frame is whole keeps the work linear for any split.
      if (size < needed) return true;
      const rest = consume(pieces.length === 1 ? chunk : Buffer.concat(pieces, size));
      pieces = rest.length > 0 ? [rest] : [];
      size = rest.length;
      return !malformed;
    },
  };
}
