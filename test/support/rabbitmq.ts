import type { RunningRabbitmq } from "../../script/services/rabbitmq.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import type { QueueSources } from "../../src/queues/queue.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { type AmqpClient, connectAmqp } from "./amqp.ts";
import { allAbilities, type Job, type JobBackend } from "./job-backend.ts";
import { until } from "./until.ts";

/** The management API, with the rights of its administrator. */
export interface RabbitmqAdmin {
  call<T>(method: "GET" | "PUT" | "POST" | "DELETE", path: string, body?: unknown): Promise<T>;
  declare(queue: string, args?: Record<string, unknown>): Promise<void>;
  /**
   * Until the API reports these numbers of a queue, twice in a row. It may lose the numbers of a
   * queue whose namesake was just deleted, and has them again only when the queue changes: taking a
   * message and giving it back is such a change.
   */
  settle(queue: string, numbers: { readonly ready?: number; readonly unacked?: number }): Promise<void>;
  /** Deletes all queues of all virtual hosts. */
  clear(): Promise<void>;
}

export function createAdmin({ url }: Pick<RunningRabbitmq, "url">): RabbitmqAdmin {
  const { origin, username, password } = new URL(url);
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${origin}/api${path}`, {
      method,
      headers: { authorization, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? null : JSON.parse(text)) as T;
  };
  return {
    call,
    declare: (queue, args = {}) =>
      call("PUT", `/queues/%2f/${encodeURIComponent(queue)}`, { durable: true, arguments: args }),
    settle: async (queue, { ready, unacked }) => {
      const path = `/queues/%2f/${encodeURIComponent(queue)}?disable_stats=true&enable_queue_totals=true`;
      const give = { count: 1, ackmode: "ack_requeue_true", encoding: "auto" };
      let [inARow, tries] = [0, 0];
      await until(async () => {
        const now = await call<{ messages_ready?: number; messages_unacknowledged?: number }>("GET", path);
        const isReady = (ready ?? now.messages_ready) === now.messages_ready;
        const isSettled = isReady && (unacked ?? now.messages_unacknowledged) === now.messages_unacknowledged;
        inARow = isSettled ? inARow + 1 : 0;
        tries += 1;
        if (tries % 60 === 0) await call("POST", `/queues/%2f/${encodeURIComponent(queue)}/get`, give);
        return inARow === 2;
      });
    },
    clear: async () => {
      for (const { name, vhost } of await call<{ name: string; vhost: string }[]>(
        "GET",
        "/queues?disable_stats=true",
      )) {
        await call("DELETE", `/queues/${encodeURIComponent(vhost)}/${encodeURIComponent(name)}`);
      }
    },
  };
}

/**
 * Publishes messages, consumes all and acknowledges each or, if it fails, rejects it without a
 * requeue.
 */
export async function work(
  broker: RunningRabbitmq,
  queue: string,
  outcomes: readonly ("ack" | "fail")[],
): Promise<void> {
  const client = await connectAmqp(broker.amqp);
  for (const outcome of outcomes) await client.publish(queue, outcome);
  let left = outcomes.length;
  await new Promise<void>((resolve, reject) => {
    if (left === 0) return resolve();
    const consuming = client.consume(queue, { prefetch: 100 }, (delivery) => {
      if (delivery.body === "ack") delivery.ack();
      else delivery.nack(false);
      if (--left === 0) resolve();
    });
    consuming.catch(reject);
  });
  await client.close();
}

/** For the battery: a broker that has no rates at first, because no rows say when a job ended. */
export function createRabbitmqBackend(broker: RunningRabbitmq): JobBackend {
  const admin = createAdmin(broker);
  const config = { name: "rabbitmq", kind: "rabbitmq" as const, names: ["configured"] };
  const holders: AmqpClient[] = [];
  const release = async () => void (await Promise.all(holders.splice(0).map((holder) => holder.close())));
  const insertInto = async (queue: string, jobs: readonly Job[]) => {
    await admin.declare(queue);
    const of = (state: Job["state"]) => jobs.filter((job) => job.state === state);
    const [running, waiting] = [of("running"), of("waiting")];
    await work(broker, queue, [...of("done").map(() => "ack" as const), ...of("failed").map(() => "fail" as const)]);
    const client = await connectAmqp(broker.amqp);
    holders.push(client);
    if (running.length > 0) await client.consume(queue, { prefetch: running.length }, () => {});
    for (const _ of running) await client.publish(queue, "running");
    await admin.settle(queue, { unacked: running.length });
    // In the order of time.
    for (const { dueAgo = 1 } of waiting.toSorted((a, b) => (b.dueAgo ?? 1) - (a.dueAgo ?? 1))) {
      await client.publish(queue, "waiting", { timestamp: Math.round(Date.now() / 1000 - dueAgo) });
    }
    await admin.settle(queue, { ready: waiting.length, unacked: running.length });
  };
  return {
    config,
    abilities: { ...allAbilities, processed: false, failures: false, errors: false, bigIds: false, deferred: false },
    insert: async (jobs) => {
      for (const [queue, own] of Map.groupBy(jobs, (job) => job.queue)) await insertInto(queue, own);
    },
    clear: async () => {
      await release();
      await admin.clear();
    },
    open: () => openRabbitmq(broker.url, { sources: [config], detect: false }),
    close: release,
    unavailable: "queues_unavailable",
  };
}

export function openRabbitmq(
  url: string,
  options: Partial<Parameters<typeof createQueueSources>[0]> = {},
): QueueSources {
  const brokers = { rabbitmq: url, redis: null };
  return createQueueSources({ databaseUrl: null, brokers, env: "staging", logger: silentLogger, ttlMs: 0, ...options });
}
