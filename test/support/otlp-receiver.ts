import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

type Value = string | number | boolean | readonly Value[];
type Attributes = Readonly<Record<string, Value>>;

/** A span as it was received. */
export interface ReceivedSpan {
  readonly name: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  /** "" without one. */
  readonly parentId: string;
  readonly attributes: Attributes;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** 0 unset, 2 error. */
  readonly status: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly resource: Attributes;
}

/**
 * How it answers an export: a status; `hang` is silence, in which the bodies are still recorded.
 */
type Answer = number | "hang";

/**
 * A receiver of OTLP over HTTP, for protobuf and JSON. It reads protobuf by the field numbers of
 * opentelemetry-proto, not with the code that wrote it.
 */
export async function startOtlpReceiver(first: Answer = 200) {
  const spans: ReceivedSpan[] = [];
  const exports: { readonly path: string; readonly headers: IncomingHttpHeaders }[] = [];
  let answer = first;
  const take = async (req: IncomingMessage, res: ServerResponse) => {
    exports.push({ path: req.url ?? "", headers: req.headers });
    spans.push(...(await readSpans(req)));
    if (answer !== "hang") res.writeHead(answer, { "content-type": req.headers["content-type"] ?? "" }).end();
  };
  const server = createServer((req, res) => void take(req, res));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    exports,
    answerWith: (next: Answer) => (answer = next),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function readSpans(req: IncomingMessage): Promise<ReceivedSpan[]> {
  const sent = await buffer(req);
  const body = req.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
  return req.headers["content-type"] === "application/json"
    ? fromJson(JSON.parse(body.toString()))
    : fromProtobuf(body);
}

type Fields = Map<number, (Uint8Array | bigint | number)[]>;

/**
 * The fields of a message by their numbers; what is inside of them is read by those who know their
 * types.
 */
function readFields(bytes: Uint8Array): Fields {
  const fields: Fields = new Map();
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    const values = fields.get(number) ?? [];
    fields.set(number, values);
    if (wire === WireType.Varint) values.push(BigInt(reader.int64()));
    else if (wire === WireType.Bit64) values.push(reader.fixed64() as bigint);
    else if (wire === WireType.LengthDelimited) values.push(reader.bytes());
    else values.push(reader.fixed32());
  }
  return fields;
}

const messages = (fields: Fields, number: number) =>
  (fields.get(number) ?? []).map((value) => readFields(value as Uint8Array));
const text = (fields: Fields, number: number) =>
  Buffer.from((fields.get(number)?.[0] as Uint8Array | undefined) ?? []).toString();
const hex = (fields: Fields, number: number) =>
  Buffer.from((fields.get(number)?.[0] as Uint8Array | undefined) ?? []).toString("hex");
const integer = (fields: Fields, number: number) => Number(fields.get(number)?.[0] ?? 0);

function fromProtobuf(body: Uint8Array): ReceivedSpan[] {
  return messages(readFields(body), 1).flatMap((ofResource) => {
    const resource = toAttributes(messages(ofResource, 1)[0] ?? new Map(), 1);
    const ofScopes = messages(ofResource, 2);
    return ofScopes.flatMap((ofScope) =>
      messages(ofScope, 2).map((span) => ({
        name: text(span, 5),
        kind: integer(span, 6),
        traceId: hex(span, 1),
        spanId: hex(span, 2),
        parentId: hex(span, 4),
        attributes: toAttributes(span, 9),
        links: messages(span, 13).map((link) => ({ traceId: hex(link, 1), spanId: hex(link, 2) })),
        status: integer(messages(span, 15)[0] ?? new Map(), 3),
        startMs: integer(span, 7) / 1e6,
        endMs: integer(span, 8) / 1e6,
        resource,
      })),
    );
  });
}

function toAttributes(message: Fields, number: number): Attributes {
  return Object.fromEntries(
    messages(message, number).map((pair) => [text(pair, 1), toValue(messages(pair, 2)[0] ?? new Map())]),
  );
}

function toValue(any: Fields): Value {
  const [number = 0] = any.keys();
  if (number === 1) return text(any, 1);
  if (number === 2) return integer(any, 2) === 1;
  if (number === 3) return integer(any, 3);
  if (number === 4) return Buffer.from(new BigUint64Array([any.get(4)?.[0] as bigint]).buffer).readDoubleLE();
  return messages(messages(any, 5)[0] ?? new Map(), 1).map(toValue);
}

function fromJson(body: any): ReceivedSpan[] {
  const plain = ({ stringValue, boolValue, intValue, doubleValue, arrayValue }: any): Value =>
    stringValue ??
    boolValue ??
    (intValue === undefined ? undefined : Number(intValue)) ??
    doubleValue ??
    arrayValue.values.map(plain);
  const all = (pairs: readonly any[] = []) => Object.fromEntries(pairs.map(({ key, value }) => [key, plain(value)]));
  return body.resourceSpans.flatMap(({ resource, scopeSpans }: any) =>
    scopeSpans.flatMap(({ spans }: any) =>
      spans.map((span: any) => ({
        name: span.name,
        kind: span.kind,
        traceId: span.traceId,
        spanId: span.spanId,
        parentId: span.parentSpanId ?? "",
        attributes: all(span.attributes),
        links: (span.links ?? []).map(({ traceId, spanId }: any) => ({ traceId, spanId })),
        status: span.status?.code ?? 0,
        startMs: Number(span.startTimeUnixNano) / 1e6,
        endMs: Number(span.endTimeUnixNano) / 1e6,
        resource: all(resource.attributes),
      })),
    ),
  );
}

/** Spans as a tree of names, for people: one line each, by start, indented below their parents. */
export function drawSpans(spans: readonly ReceivedSpan[]): string {
  const known = new Set(spans.map(({ spanId }) => spanId));
  const draw = (parent: ReceivedSpan | null, indent: string): string[] =>
    spans
      .filter(({ parentId }) => (parent ? parentId === parent.spanId : !known.has(parentId)))
      .toSorted((a, b) => a.startMs - b.startMs)
      .flatMap((span) => [`${indent}${span.name}`, ...draw(span, `${indent}  `)]);
  return draw(null, "").join("\n");
}
