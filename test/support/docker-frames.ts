import type { LogStream } from "../../src/containers/logs/log.ts";

/** One frame of Docker's multiplexed stream. */
export function frame(stream: LogStream, payload: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream === "stdout" ? 1 : 2;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

/** A time stamp as Docker writes it, `n` nanoseconds after one of our choice. */
export function stamp(n: number): string {
  return `2026-01-13T09:40:00.${String(n).padStart(9, "0")}Z`;
}

/** One line as the log driver keeps it: entries of 16 KiB, each with the time of the first. */
export function toEntries(n: number, text: Buffer): Buffer[] {
  const line = Buffer.concat([text, Buffer.from("\n")]);
  const count = Math.max(1, Math.ceil(line.length / 16_384));
  const prefix = Buffer.from(`${stamp(n)} `);
  return Array.from({ length: count }, (_, index) =>
    Buffer.concat([prefix, line.subarray(index * 16_384, (index + 1) * 16_384)]),
  );
}

/** Cuts a stream into chunks of these sizes, over and over. */
export function splitBy(whole: Buffer, sizes: readonly number[]): Buffer[] {
  const steps = sizes.filter((size) => size > 0);
  const chunks: Buffer[] = [];
  for (let offset = 0, index = 0; offset < whole.length; index++) {
    const size = steps.length === 0 ? whole.length : (steps[index % steps.length] ?? 1);
    chunks.push(whole.subarray(offset, offset + size));
    offset += size;
  }
  return chunks;
}
