import * as z from "zod";

const text = z.string().max(1000);
/** A count of the broker; a queue that is down may have none. What is no count is as if it were not there: one odd queue hides no other. */
const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER).nullish().catch(null);
const rate = z
  .object({ avg_rate: z.number().nonnegative().nullish().catch(null) })
  .nullish()
  .catch(null);
const table = z.record(z.string(), z.unknown()).nullish().catch(null);

/** A queue without statistics: what it holds now. */
const queueTotals = z.object({
  name: text,
  vhost: text,
  type: z.string().nullish().catch(null),
  state: z.string().nullish().catch(null),
  exclusive: z.boolean().nullish().catch(null),
  auto_delete: z.boolean().nullish().catch(null),
  arguments: table,
  messages: count,
  messages_ready: count,
  messages_unacknowledged: count,
});
export type QueueTotals = z.infer<typeof queueTotals>;

/** The same queue as the statistics know it, up to 10 s late. */
const queueStats = z.object({
  name: text,
  vhost: text,
  /** Absent where statistics are off, or the queue is new to them. */
  messages: count,
  consumers: count,
  /** Seconds since 1970, as its publisher says. */
  head_message_timestamp: count,
  effective_policy_definition: table,
  message_stats: z
    .object({
      ack: count,
      deliver_no_ack: count,
      get_no_ack: count,
      ack_details: rate,
      deliver_no_ack_details: rate,
      get_no_ack_details: rate,
    })
    .nullish()
    .catch(null),
});
export type QueueStats = z.infer<typeof queueStats>;

function page<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item).max(1000), page_count: z.number().int().nonnegative().max(1_000_000) });
}

const binding = z.object({ source: text, vhost: text, destination: text, destination_type: text, routing_key: z.string() });
export type Binding = z.infer<typeof binding>;
const exchange = z.object({ name: text, vhost: text, type: text });
export type Exchange = z.infer<typeof exchange>;

const overview = z.object({
  rates_mode: z.string().nullish().catch(null),
  disable_stats: z.boolean().nullish().catch(null),
});

/** The answers of the management API that are read. Source: "HTTP API Reference" of the management plugin, and RabbitMQ 4.0.5 itself. */
export const answers = {
  totals: page(queueTotals),
  stats: page(queueStats),
  bindings: z.array(binding),
  exchanges: z.array(exchange),
  overview,
  /** `uptime` in milliseconds. Of a node that has told nothing yet there is an empty list: so the API writes an object without fields. */
  nodes: z.array(z.union([z.object({ uptime: count }), z.tuple([])])),
} as const;
