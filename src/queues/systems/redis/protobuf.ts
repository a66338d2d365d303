/** The fields of one message by number; a repeated field has all its values in order. */
export type ProtobufFields = ReadonlyMap<number, readonly (bigint | Buffer)[]>;

/**
 * Parses a message in the wire format of Protocol Buffers: varints as numbers, everything else as bytes. Null when invalid. Source: "Encoding" of protobuf.dev.
 */
export function readProtobuf(bytes: Buffer): ProtobufFields | null {
  const fields = new Map<number, (bigint | Buffer)[]>();
  let at = 0;
  const readNumber = (): bigint | null => {
    let value = 0n;
    for (let shift = 0n; shift < 70n && at < bytes.length; shift += 7n) {
      const byte = bytes[at++] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    return null;
  };
  const readBytes = (length: number): Buffer | null => {
    if (length > bytes.length - at) return null;
    at += length;
    return bytes.subarray(at - length, at);
  };
  const readValue = (type: number): bigint | Buffer | null => {
    if (type === 0) return readNumber();
    if (type === 1) return readBytes(8);
    if (type === 5) return readBytes(4);
    if (type !== 2) return null;
    const length = readNumber();
    return length === null ? null : readBytes(Number(length));
  };
  while (at < bytes.length) {
    const tag = readNumber();
    const value = tag === null ? null : readValue(Number(tag & 7n));
    if (tag === null || value === null) return null;
    const number = Number(tag >> 3n);
    const values = fields.get(number) ?? [];
    fields.set(number, values);
    values.push(value);
  }
  return fields;
}

/** The text of a field, "" without one: defaults are not encoded. The last value counts. */
export function textOf(fields: ProtobufFields, number: number): string {
  const value = fields.get(number)?.at(-1);
  return Buffer.isBuffer(value) ? value.toString("utf8") : "";
}

/** The number of a field, 0 without one; beyond 2^53 it is approximate. */
export function numberOf(fields: ProtobufFields, number: number): number {
  const value = fields.get(number)?.at(-1);
  return typeof value === "bigint" ? Number(BigInt.asIntN(64, value)) : 0;
}

/** The messages of a repeated field. */
export function messagesOf(fields: ProtobufFields, number: number): ProtobufFields[] {
  return (fields.get(number) ?? []).flatMap((value) => (Buffer.isBuffer(value) ? (readProtobuf(value) ?? []) : []));
}
