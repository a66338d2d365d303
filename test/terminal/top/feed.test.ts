import { afterEach, describe, expect, it } from "vitest";
import { type OpsClient, OpsError } from "../../../src/client/client.ts";
import { startFeed } from "../../../src/terminal/top/feed.ts";
import { sampleQueueRow, sampleRow } from "../../support/top.ts";

let stop = new AbortController();
afterEach(() => {
  stop.abort();
  stop = new AbortController();
});

type Answer = (variables: object) => Promise<object>;

/** A client that answers by the names of documents, counts them, and refuses the subscription. */
function createFakeClient(answers: Readonly<Record<string, Answer>>) {
  const asked: Record<string, number> = {};
  const client = {
    queryPartial: async (document: { toString(): string }, variables: object, { signal }: { signal: AbortSignal }) => {
      const name = /query (\w+)/.exec(document.toString())?.[1] ?? "";
      asked[name] = (asked[name] ?? 0) + 1;
      const ended = new Promise<never>((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason as Error)),
      );
      const answer = answers[name]?.(variables) ?? Promise.reject(new OpsError("forbidden", `${name} needs a scope`));
      return { data: await Promise.race([answer, ended]), errors: [] };
    },
    async *subscribe() {
      yield* [];
      throw new OpsError("rate_limited", "Too many subscriptions");
    },
  };
  return { client: client as unknown as OpsClient, asked };
}

function start(client: OpsClient, isPaused = () => false) {
  const ends: unknown[] = [];
  const onEnd = (error: unknown) => ends.push(error);
  const feed = startFeed({ client, env: null, signal: stop.signal, onChange: () => {}, onEnd, isPaused });
  return { feed, ends };
}

const containers: Answer = async () => ({ containers: [sampleRow()], engines: [] });
const queues: Answer = async () => ({ queues: [sampleQueueRow()], queueSources: [] });
const never: Answer = () => new Promise(() => {});

describe("the feed of top", () => {
  it("containers are asked for where the subscription is refused", async () => {
    const { feed } = start(createFakeClient({ Containers: containers }).client);
    await expect.poll(() => feed.data().containers.value).toEqual([sampleRow()]);
    expect(feed.data()).toMatchObject({ isStreamed: false, link: { state: "connected" } });
  });

  it("a question without an answer is not asked again, others go on", async () => {
    const { client, asked } = createFakeClient({ Containers: containers, Queues: queues, Problems: never });
    const { feed } = start(client);
    await expect.poll(() => asked["Queues"]).toBe(2);
    expect(asked["Problems"]).toBe(1);
    expect(feed.data().trends.get('depth ["river","payouts"]')).toHaveLength(2);
  });

  it("use is asked for of accessories too, as problems need it", async () => {
    const seen: object[] = [];
    const usage: Answer = async (variables) => {
      seen.push(variables);
      return { containers: [{ id: sampleRow().id, cpuPct: 3, memPct: 4 }] };
    };
    const { feed } = start(createFakeClient({ Containers: containers, ContainerUsage: usage }).client);
    await expect.poll(() => feed.data().usage.value?.size).toBe(1);
    expect(seen).toEqual([{ env: null, includeAccessories: true }]);
  });

  it("a refused part says why, and is not a lost connection", async () => {
    const { feed } = start(createFakeClient({ Containers: containers }).client);
    await expect.poll(() => feed.data().hosts).toEqual({ value: null, error: "Hosts needs a scope (forbidden)" });
    expect(feed.data().link.state).toBe("connected");
  });

  it("a lost connection has its time and reason, and old rows stay", async () => {
    let isLost = false;
    const unlessLost =
      (answer: Answer): Answer =>
      async (variables) => {
        if (isLost) throw new OpsError("unreachable", "gone");
        return answer(variables);
      };
    const others = { Hosts: never, Problems: never, ContainerUsage: never };
    const { client } = createFakeClient({ ...others, Containers: unlessLost(containers), Queues: unlessLost(queues) });
    const { feed } = start(client);
    await expect.poll(() => feed.data().queues.value).toHaveLength(1);
    isLost = true;
    const before = Date.now();
    await expect.poll(() => feed.data().link).toMatchObject({ state: "lost", reason: "gone (unreachable)" });
    expect(feed.data().link).toMatchObject({
      sinceMs: expect.toSatisfy((ms: number) => ms >= before && ms <= Date.now()),
    });
    expect(feed.data().queues.value).toHaveLength(1);
    isLost = false;
    await expect.poll(() => feed.data().link.state).toBe("connected");
  });

  it("a refused token ends it", async () => {
    const refused = new OpsError("unauthorized", "The token was refused");
    const { ends } = start(createFakeClient({ Problems: () => Promise.reject(refused) }).client);
    await expect.poll(() => ends).toEqual([refused]);
  });

  it("another environment is asked for at once, without the rows of before", async () => {
    const envs: unknown[] = [];
    const { client } = createFakeClient({
      Containers: async (variables) => {
        envs.push((variables as { readonly env: unknown }).env);
        return containers({});
      },
    });
    const { feed } = start(client);
    await expect.poll(() => feed.data().containers.value).not.toBeNull();
    feed.setEnv("STAGING");
    expect(feed.data()).toMatchObject({ env: "STAGING", containers: { value: null }, problems: { value: null } });
    await expect.poll(() => feed.data().containers.value).not.toBeNull();
    expect(new Set(envs)).toEqual(new Set([null, "STAGING"]));
  });

  it("a pause asks nothing", async () => {
    let isPaused = true;
    const { client, asked } = createFakeClient({ Containers: containers, Queues: queues });
    const { feed } = start(client, () => isPaused);
    await expect.poll(() => feed.data().answeredAtMs).not.toBeNull();
    expect(asked).toEqual({});
    isPaused = false;
    await expect.poll(() => asked["Queues"]).toBe(1);
  });
});
