import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type RunningRabbitmq, startRabbitmq } from "../../script/services/rabbitmq.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import type { QueueMetrics, QueueSource, QueueSources } from "../../src/queues/queue.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { describeQueueSource } from "../contracts/queue-source.ts";
import { connectAmqp } from "../support/amqp.ts";
import { toBound } from "../support/bound.ts";
import { createAdmin, createRabbitmqBackend, openRabbitmq, type RabbitmqAdmin, work } from "../support/rabbitmq.ts";
import { until } from "../support/until.ts";

const signal = () => AbortSignal.timeout(10_000);
const folder = mkdtempSync(join(tmpdir(), "ops-test-rabbitmq-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a broker that counts no messages", () => {
  let broker: RunningRabbitmq;
  afterAll(() => broker?.stop());
  describeQueueSource("rabbitmq", async () => {
    broker = await startRabbitmq(join(folder, "none"), { settings: ["management.rates_mode = none"] });
    return createRabbitmqBackend(broker);
  });
});

describe("a broker with default settings", () => {
  let broker: RunningRabbitmq;
  let admin: RabbitmqAdmin;
  let sources: QueueSources;
  let source: QueueSource;

  beforeAll(async () => {
    broker = await startRabbitmq(join(folder, "basic"));
    admin = createAdmin(broker);
  });
  beforeEach(async () => {
    await sources?.close();
    await admin.clear();
    sources = openRabbitmq(broker.url);
    [source] = (await sources.all(signal())) as [QueueSource];
  });
  afterAll(async () => {
    vi.useRealTimers();
    await sources?.close();
    await broker?.stop();
  });

  const read = async (from = source) => new Map((await from.metrics(signal())).map((queue) => [queue.name, queue]));
  const readUntil = async (isSo: (queues: Map<string, QueueMetrics>) => boolean, look = read) => {
    let queues = new Map<string, QueueMetrics>();
    await until(async () => isSo((queues = await look())), 15_000);
    return queues;
  };
  /** As `read`, a minute and a second later by the clock of the samples. */
  const readLater = async () => {
    const now = performance.now();
    const clock = vi.spyOn(performance, "now").mockImplementation(() => now + 61_000);
    try {
      return await read();
    } finally {
      clock.mockRestore();
    }
  };

  it("is counted once under two names, by its virtual hosts", async () => {
    await admin.declare("mail");
    await admin.settle("mail", { ready: 0 });
    const url = new URL(broker.url);
    url.hostname = url.hostname === "localhost" ? "127.0.0.1" : "localhost";
    const readBoth = async (vhosts: readonly (string | undefined)[]) => {
      const rabbitmq = new Map([
        ["shop", broker.url],
        ["twin", url.href],
      ]);
      const configured = [...rabbitmq.keys()].map((name, index) => {
        const vhost = vhosts[index];
        return { kind: "rabbitmq" as const, name, broker: name, ...(vhost !== undefined && { vhost }) };
      });
      const brokers = { rabbitmq, redis: null };
      const both = createQueueSources({
        databaseUrl: null,
        brokers,
        sources: configured,
        env: null,
        logger: silentLogger,
      });
      const answers = await Promise.all(
        (await both.all(signal())).map((one) =>
          one.metrics(signal()).then(
            (queues) => queues.length,
            ({ code }) => code,
          ),
        ),
      );
      await both.close();
      return answers;
    };
    await expect.poll(() => readBoth([])).toEqual([1, "queue_duplicate"]);
    expect(await readBoth([undefined, "/"])).toEqual([1, "queue_duplicate"]);
    await admin.call("PUT", "/vhosts/other");
    const user = decodeURIComponent(url.username);
    await admin.call("PUT", `/permissions/other/${user}`, { configure: ".*", write: ".*", read: ".*" });
    expect(await readBoth(["/", "other"])).toEqual([1, 0]);
    await admin.call("DELETE", "/vhosts/other");
  });

  it("is detected by its address", async () => {
    expect(source).toMatchObject({ name: "rabbitmq", kind: "rabbitmq", env: "staging" });
    expect(await source.metrics(signal())).toStrictEqual([]);
    expect(await source.failures(signal())).toStrictEqual([]);
  });

  it("counts waiting and unacknowledged messages and consumers", async () => {
    await admin.declare("payouts");
    const client = await connectAmqp(broker.amqp);
    await client.consume("payouts", { prefetch: 3 }, () => {});
    for (let n = 0; n < 10; n += 1) await client.publish("payouts", `${n}`);
    await admin.settle("payouts", { ready: 7, unacked: 3 });
    const queues = await readUntil((all) => all.get("payouts")?.workers === 1);
    expect(queues.get("payouts")).toMatchObject({
      depth: 7,
      active: 3,
      workers: 1,
      paused: null,
      deferred: null,
      exact: false,
    });
    await client.close();
    await admin.settle("payouts", { ready: 10, unacked: 0 });
    await readUntil((all) => all.get("payouts")?.workers === 0);
  });

  it("has the rate of acknowledgements, else of deliveries", async () => {
    await admin.declare("acked");
    await admin.declare("automatic");
    await admin.declare("idle");
    await readUntil((all) => ["acked", "automatic", "idle"].every((name) => all.get(name)?.workers === 0));
    await work(
      broker,
      "acked",
      Array.from({ length: 30 }, () => "ack"),
    );
    const client = await connectAmqp(broker.amqp);
    let taken = 0;
    await client.consume("automatic", { noAck: true }, () => (taken += 1));
    for (let n = 0; n < 12; n += 1) await client.publish("automatic", `${n}`);
    await until(() => taken === 12);
    await client.close();
    const isCounted = (queues: Map<string, QueueMetrics>) => {
      const [acked, automatic] = [
        queues.get("acked")?.processedPerSec ?? 0,
        queues.get("automatic")?.processedPerSec ?? 0,
      ];
      return automatic > 0 && Math.abs(acked / automatic - 30 / 12) < 1e-3;
    };
    const queues = await readUntil(isCounted, readLater);
    const rates = ["acked", "idle"].map((name) => queues.get(name)?.processedPerSec ?? -1);
    // Counted exactly over the time that is known: that of the broker, or of our samples.
    expect(rates[1]).toBe(0);
    expect(30 / (rates[0] ?? 0)).toBeGreaterThan(59);
    expect(30 / (rates[0] ?? 0)).toBeLessThan(301);
  });

  it("counts arrivals in the dead letter queue as failures", async () => {
    await admin.declare("payouts", { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "payouts.dead" });
    await admin.declare("payouts.dead");
    await admin.declare("plain");
    await readUntil((all) => all.get("payouts")?.dead === 0);
    await work(broker, "payouts", ["ack", "fail", "fail", "fail"]);
    await admin.settle("payouts.dead", { ready: 3 });
    await readUntil((all) => all.get("payouts")?.dead === 3);
    // One is looked at and done with.
    const client = await connectAmqp(broker.amqp);
    await new Promise<void>((resolve) => {
      void client.consume("payouts.dead", { prefetch: 1 }, (delivery) => {
        delivery.ack();
        void client.close().then(resolve);
      });
    });
    await admin.settle("payouts.dead", { ready: 2 });
    await work(broker, "payouts", ["fail", "ack"]);
    await admin.settle("payouts.dead", { ready: 3 });
    await readUntil((all) => all.get("payouts")?.failuresLastHour === 4, readLater);
    // What is told later adds nothing.
    await sleep(6000);
    const queues = await readLater();
    expect(queues.get("payouts")).toMatchObject({ dead: 3, failuresLastHour: 4, retrying: null });
    expect(queues.get("payouts.dead")).toMatchObject({ depth: 3, workers: null, failuresLastHour: null });
    expect(queues.get("plain")).toMatchObject({ dead: null, failuresLastHour: null });
    expect(queues.get("payouts")?.windowSeconds).toBeGreaterThan(60);
  });

  it("finds that queue by policy and exchange, and skips a shared one", async () => {
    await admin.call("PUT", "/exchanges/%2f/dlx", { type: "direct" });
    await admin.call("PUT", "/policies/%2f/dead", {
      pattern: "^job[.]",
      "apply-to": "queues",
      definition: { "dead-letter-exchange": "dlx", "dead-letter-routing-key": "all" },
    });
    for (const name of ["job.one", "job.two", "graveyard"]) await admin.declare(name);
    await admin.call("POST", "/bindings/%2f/e/dlx/q/graveyard", { routing_key: "all" });
    await readUntil((all) => all.get("graveyard")?.dead === 0);
    await work(broker, "job.one", ["fail"]);
    await work(broker, "job.two", ["fail"]);
    await admin.settle("graveyard", { ready: 2 });
    const queues = await readLater();
    expect(queues.get("graveyard")).toMatchObject({ dead: 2, failuresLastHour: 2 });
    expect(queues.get("job.one")).toMatchObject({ dead: null, failuresLastHour: null });
    await admin.call("DELETE", "/policies/%2f/dead");
    await admin.call("DELETE", "/exchanges/%2f/dlx");
  });

  it("recognises a queue whose messages wait for a retry", async () => {
    await admin.declare("mail", { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "mail.wait" });
    await admin.declare("mail.wait", {
      "x-dead-letter-exchange": "",
      "x-dead-letter-routing-key": "mail",
      "x-message-ttl": 600_000,
    });
    await work(broker, "mail", ["fail", "fail"]);
    await admin.settle("mail.wait", { ready: 2 });
    const queues = await readUntil((all) => all.get("mail")?.retrying === 2);
    expect(queues.get("mail")).toMatchObject({ depth: 0, dead: null, retrying: 2 });
    await readUntil((all) => all.get("mail")?.workers === 0 && all.get("mail.wait")?.workers === null);
  });

  it("reads quorum queues; skips streams, exclusive and excluded queues", async () => {
    await admin.declare("quorum", { "x-queue-type": "quorum" });
    await admin.declare("stream", { "x-queue-type": "stream" });
    await admin.declare("tmp.1");
    const client = await connectAmqp(broker.amqp);
    await client.publish("quorum", "one");
    await client.publish("stream", "one");
    await client.close();
    await admin.settle("quorum", { ready: 1 });
    const own = openRabbitmq(broker.url, {
      sources: [{ name: "q", kind: "rabbitmq", exclude: ["tmp."] }],
      detect: false,
    });
    const [only] = (await own.all(signal())) as [QueueSource];
    expect([...(await read(only)).values()]).toMatchObject([{ name: "quorum", source: "q", depth: 1, active: 0 }]);
    await own.close();
  });

  it("remembers deleted queues, except those that delete themselves", async () => {
    await admin.declare("kept");
    await admin.call("PUT", "/queues/%2f/passing", { auto_delete: true });
    expect([...(await read()).keys()]).toStrictEqual(["kept", "passing"]);
    await admin.clear();
    expect([...(await read()).keys()]).toStrictEqual(["kept"]);
  });

  it("keeps virtual hosts apart", async () => {
    await admin.call("PUT", "/vhosts/other", {});
    await admin.call("PUT", "/permissions/other/ops", { configure: ".*", write: ".*", read: ".*" });
    await admin.declare("same");
    await admin.call("PUT", "/queues/other/same", { durable: true });
    expect([...(await read()).keys()]).toStrictEqual(["other/same", "same"]);
    const own = openRabbitmq(broker.url, { sources: [{ name: "q", kind: "rabbitmq", vhost: "other" }], detect: false });
    const [only] = (await own.all(signal())) as [QueueSource];
    expect([...(await read(only)).keys()]).toStrictEqual(["same"]);
    await own.close();
    await admin.call("DELETE", "/vhosts/other");
  });

  it("reads 600 queues within its time", async () => {
    const names = Array.from({ length: 600 }, (_, n) => `many.${String(n).padStart(3, "0")}`);
    for (const name of names) await admin.declare(name);
    await read();
    const start = performance.now();
    expect([...(await read()).keys()]).toStrictEqual(names);
    expect(performance.now() - start).toBeLessThan(toBound(1000));
  });

  it("names what is missing, and never the password", async () => {
    const wrong = new URL(broker.url);
    wrong.password = "not-the-password";
    const refused = await refusal(wrong.href);
    expect(refused).toMatchObject({
      code: "queues_unavailable",
      message: expect.stringContaining("refused the login"),
    });
    await admin.call("PUT", "/users/reader", { password: "reader-secret", tags: "" });
    wrong.username = "reader";
    wrong.password = "reader-secret";
    expect((await refusal(wrong.href)).message).toContain("give it the tag monitoring");
    await admin.call("PUT", "/users/reader", { password: "reader-secret", tags: "monitoring" });
    await admin.declare("unseen");
    expect((await refusal(wrong.href)).message).toContain("may see no virtual host");
    await admin.call("PUT", "/permissions/%2f/reader", { configure: "", write: "", read: "" });
    const allowed = openRabbitmq(wrong.href);
    const [one] = (await allowed.all(signal())) as [QueueSource];
    expect([...(await read(one)).keys()]).toStrictEqual(["unseen"]);
    await allowed.close();
  });

  it("reports that the broker is away, and reconnects", async () => {
    await admin.declare("durable");
    await readUntil((all) => all.has("durable"));
    await broker.halt();
    const start = performance.now();
    const away = {
      code: "queues_unavailable",
      upstream: "queues:rabbitmq",
      message: expect.stringContaining("cannot be reached"),
    };
    await expect(source.metrics(signal())).rejects.toMatchObject(away);
    expect(performance.now() - start).toBeLessThan(toBound(2500));
    await broker.start();
    await readUntil((all) => all.get("durable")?.active === 0);
  });
});

/**
 * What the first read from this address is rejected with; its texts and causes hold none of our
 * passwords.
 */
async function refusal(url: string): Promise<{ code: string; message: string }> {
  const sources = openRabbitmq(url);
  const [source] = (await sources.all(signal())) as [QueueSource];
  const error = await source.metrics(signal()).then(
    () => null,
    (reason: unknown) => reason as Error,
  );
  await sources.close();
  const { password } = new URL(url);
  for (let one: unknown = error; one instanceof Error; one = one.cause) {
    expect(`${one.message} ${JSON.stringify(one)}`).not.toContain(password);
    expect(`${one.message} ${JSON.stringify(one)}`).not.toContain(Buffer.from(password).toString("base64"));
  }
  return error as unknown as { code: string; message: string };
}

describe("a server that is not RabbitMQ", () => {
  const answer = async (handle: RequestListener) => {
    const server = createServer(handle).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const error = await refusal(`http://ops:some-password@127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.closeAllConnections();
    server.close();
    return error;
  };

  it("is recognised by its answers, their size or their absence", async () => {
    const strange = await answer((_, response) => response.end('{"items":{}}'));
    expect(strange.message).toContain("does not answer as its management API");
    expect((await answer((_, response) => response.end(Buffer.alloc(17 * 1024 * 1024)))).message).toContain(
      "too large",
    );
    const start = performance.now();
    expect((await answer(() => {})).message).toBe("RabbitMQ did not answer in time");
    expect(performance.now() - start).toBeLessThan(toBound(3000));
  });
});
