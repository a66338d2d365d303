import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** The fields of one message by number; a repeated field has all its values in order. */
export type ProtobufFields = ReadonlyMap<number, readonly (bigint | Buffer)[]>;

/** Parses a message in the wire format of Protocol Buffers: varints as numbers, everything else as bytes. Null when invalid, or with a group. */
export function readProtobuf(bytes: Buffer): ProtobufFields | null {
  const fields = new Map<number, (bigint | Buffer)[]>();
  const reader = new BinaryReader(bytes);
  try {
    while (reader.pos < reader.len) {
      const [number, type] = reader.tag();
      if (type === WireType.StartGroup || type === WireType.EndGroup) return null;
      const values = fields.get(number) ?? [];
      fields.set(number, values);
      if (type === WireType.Varint) values.push(BigInt(reader.uint64()));
      else values.push(Buffer.from(type === WireType.LengthDelimited ? reader.bytes() : reader.skip(type)));
    }
  } catch {
    return null;
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
