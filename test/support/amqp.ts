import { type Socket, connect } from "node:net";

/** A message as a consumer gets it, with its acknowledgements. */
interface Delivery {
  readonly body: string;
  readonly redelivered: boolean;
  ack(): void;
  /** Without `requeue` it is dead-lettered where its queue says so, else dropped. */
  nack(requeue: boolean): void;
}

export interface AmqpClient {
  /**
   * Through the default exchange; resolves when the broker has taken it (publisher confirm).
   * `timestamp` in seconds.
   */
  publish(queue: string, body: string, options?: { readonly timestamp?: number }): Promise<void>;
  /** Until the connection is closed. */
  consume(
    queue: string,
    options: { readonly noAck?: boolean; readonly prefetch?: number },
    onMessage: (delivery: Delivery) => void,
  ): Promise<void>;
  close(): Promise<void>;
}

type Frame = { readonly type: number; readonly payload: Buffer };

const short = (text: string) => {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
};
const long = (text: string) => Buffer.concat([u32(Buffer.byteLength(text)), Buffer.from(text)]);
const u16 = (n: number) => Buffer.of(n >> 8, n & 255);
const u32 = (n: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(n);
  return bytes;
};
const u64 = (n: number | bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(n));
  return bytes;
};
const method = (group: number, id: number, ...args: Buffer[]) => Buffer.concat([u16(group), u16(id), ...args]);

/**
 * The part of AMQP 0-9-1 that tests need: publishing with confirms, and consuming, on one channel.
 * Source: amqp0-9-1.pdf, sections 2.3 and 4.2.
 */
export async function connectAmqp({
  port,
  user,
  password,
}: {
  port: number;
  user: string;
  password: string;
}): Promise<AmqpClient> {
  const socket = await open(port);
  const waiting: { wanted: string; resolve: (payload: Buffer) => void; reject: (error: Error) => void }[] = [];
  const confirms = new Map<bigint, () => void>();
  const consumers = new Map<string, (delivery: Delivery) => void>();
  let next = 1n;
  let delivery: { tag: string; id: Buffer; redelivered: boolean; left: number; body: string } | null = null;

  const send = (type: number, channel: number, payload: Buffer) =>
    socket.write(Buffer.concat([Buffer.of(type), u16(channel), u32(payload.length), payload, Buffer.of(0xce)]));
  const call = (channel: number, payload: Buffer | null, wanted: string) => {
    const answer = new Promise<Buffer>((resolve, reject) => waiting.push({ wanted, resolve, reject }));
    if (payload) send(1, channel, payload);
    return answer;
  };
  const fail = (error: Error) => {
    for (const { reject } of waiting.splice(0)) reject(error);
  };
  const deliver = () => {
    if (!delivery || delivery.left > 0) return;
    const { tag, id, redelivered, body } = delivery;
    delivery = null;
    consumers.get(tag)?.({
      body,
      redelivered,
      ack: () => send(1, 1, method(60, 80, id, Buffer.of(0))),
      nack: (requeue) => send(1, 1, method(60, 120, id, Buffer.of(requeue ? 2 : 0))),
    });
  };
  const confirm = (payload: Buffer) => {
    const upTo = payload.readBigUInt64BE(4);
    for (const [id, done] of confirms) {
      if (id !== upTo && !(payload[12] === 1 && id < upTo)) continue;
      confirms.delete(id);
      done();
    }
  };
  const onFrame = ({ type, payload }: Frame) => {
    if (type === 2 && delivery) delivery.left = Number(payload.readBigUInt64BE(4));
    if (type === 3 && delivery) {
      delivery.body += payload.toString();
      delivery.left -= payload.length;
    }
    if (type === 2 || type === 3) return deliver();
    if (type !== 1) return;
    const name = `${payload.readUInt16BE(0)}.${payload.readUInt16BE(2)}`;
    if (name === "60.80") return confirm(payload);
    if (name === "60.60") {
      const length = payload[4] ?? 0;
      const tag = payload.subarray(5, 5 + length).toString();
      delivery = {
        tag,
        id: payload.subarray(5 + length, 13 + length),
        redelivered: payload[13 + length] === 1,
        left: 1,
        body: "",
      };
      return;
    }
    if (name === "10.50" || name === "20.40")
      return fail(new Error(`AMQP: closed: ${payload.subarray(6).toString("latin1")}`));
    if (waiting[0]?.wanted === name) waiting.shift()?.resolve(payload);
  };
  readFrames(socket, onFrame);
  socket.once("close", () => fail(new Error("AMQP: the connection was closed")));

  const started = call(0, null, "10.10");
  socket.write(Buffer.from("AMQP\0\0\x09\x01", "latin1"));
  await started;
  await call(0, method(10, 11, u32(0), short("PLAIN"), long(`\0${user}\0${password}`), short("en_US")), "10.30");
  send(1, 0, method(10, 31, u16(1), u32(131_072), u16(0)));
  await call(0, method(10, 40, short("/"), short(""), Buffer.of(0)), "10.41");
  await call(1, method(20, 10, short("")), "20.11");
  await call(1, method(85, 10, Buffer.of(0)), "85.11");

  return {
    publish: (queue, body, { timestamp } = {}) => {
      const confirmed = new Promise<void>((resolve) => confirms.set(next++, resolve));
      const bytes = Buffer.from(body);
      const properties = timestamp === undefined ? u16(0) : Buffer.concat([u16(1 << 6), u64(timestamp)]);
      send(1, 1, method(60, 40, u16(0), short(""), short(queue), Buffer.of(0)));
      send(2, 1, Buffer.concat([u16(60), u16(0), u64(bytes.length), properties]));
      send(3, 1, bytes);
      return confirmed;
    },
    consume: async (queue, { noAck = false, prefetch = 0 }, onMessage) => {
      await call(1, method(60, 10, u32(0), u16(prefetch), Buffer.of(0)), "60.11");
      const tag = `consumer-${consumers.size}`;
      consumers.set(tag, onMessage);
      await call(1, method(60, 20, u16(0), short(queue), short(tag), Buffer.of(noAck ? 2 : 0), u32(0)), "60.21");
    },
    close: async () => {
      socket.end();
      await new Promise<void>((resolve) => (socket.destroyed ? resolve() : socket.once("close", () => resolve())));
    },
  };
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => resolve(socket));
    socket.once("error", reject);
  });
}

function readFrames(socket: Socket, onFrame: (frame: Frame) => void): void {
  let buffer: Buffer = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (data: Buffer) => {
    buffer = Buffer.concat([buffer, data]);
    while (buffer.length >= 8 && buffer.length >= buffer.readUInt32BE(3) + 8) {
      const end = buffer.readUInt32BE(3) + 7;
      onFrame({ type: buffer[0] ?? 0, payload: buffer.subarray(7, end) });
      buffer = buffer.subarray(end + 1);
    }
  });
}
