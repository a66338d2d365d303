import { silentLogger } from "../../src/lib/logger.ts";
import type { QueueSourcesOptions } from "../../src/queues/source.ts";
import { startFakeUpstream } from "./fake-upstream.ts";

export const noBrokers = { rabbitmq: null, redis: null };

/** Nothing is configured. */
export const noSources: QueueSourcesOptions = {
  databaseUrl: null,
  brokers: noBrokers,
  env: "staging",
  logger: silentLogger,
};

const queue = (name: string, ready: number) => ({
  name,
  vhost: "/",
  messages: ready,
  messages_ready: ready,
  messages_unacknowledged: 0,
});

/** A broker with two queues, that answers when it may. */
export async function startBroker(status = 200) {
  let gate = Promise.resolve();
  const upstream = await startFakeUpstream((response, { url }) => {
    const isList = url.startsWith("/api/queues");
    const exchanges = [{ name: "", vhost: "/", type: "direct" }];
    const other = url.startsWith("/api/overview") ? {} : url.startsWith("/api/exchanges") ? exchanges : [];
    const body = isList ? { items: [queue("mail", 4), queue("push", 3)], page_count: 1 } : other;
    void gate.then(() => response.writeHead(status).end(JSON.stringify(body)));
  });
  return {
    brokers: { ...noBrokers, rabbitmq: upstream.url },
    reads: () =>
      upstream.seen.filter(({ url }) => url.startsWith("/api/queues?page=1&page_size=500&disable_stats")).length,
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return resolve;
    },
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  };
}

/** An address where nobody listens. */
export async function closedUrl(): Promise<string> {
  const upstream = await startFakeUpstream(() => {});
  await upstream[Symbol.asyncDispose]();
  return upstream.url.replace("http:", "postgres:");
}
