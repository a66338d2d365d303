import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Principal } from "../../src/auth/principal.ts";
import type { OpsError } from "../../src/lib/errors.ts";
import { type AskAcceptance, createAcceptance } from "../../src/fleet/acceptance.ts";

const refusal = { code: "unauthorized", message: "", status: 401 };
const away = { code: "unreachable", message: "", status: 503 };
const regions = ["eu", "us"].map((name) => ({ name, url: `http://${name}.example` }));
const bearer = (name: number | string) => `Bearer a-token-of-${name}-0123456789`;

/** Of regions that say what `says` has, by their names, on a clock that only the test moves. */
function create(says: Record<string, Awaited<ReturnType<AskAcceptance>>>) {
  const state = { now: 0, says, asked: [] as string[], timeouts: [] as (number | undefined)[] };
  const ask: AskAcceptance = async ({ name }, authorization, timeoutMs) => {
    state.asked.push(`${name} ${authorization}`);
    state.timeouts.push(timeoutMs);
    return state.says[name] ?? null;
  };
  const { authenticate } = createAcceptance({ regions, ask, now: () => state.now });
  const give = (authorization: string, ip = "192.0.2.1", more: readonly string[] = []) =>
    authenticate(authorization, ["Authorization", authorization, ...more], ip);
  return { state, give };
}

describe("a token", () => {
  it("is accepted when any region accepts it", async () => {
    for (const says of [{}, { us: refusal }, { eu: refusal }, { eu: away }, { us: away }]) {
      expect(await create(says).give(bearer("me"))).toMatchObject({ subject: "unverified", auth: "token" });
    }
  });

  it("is accepted without waiting for the slower regions", async () => {
    const ask: AskAcceptance = ({ name }) => (name === "eu" ? new Promise(() => {}) : Promise.resolve(null));
    const { authenticate } = createAcceptance({ regions, ask });
    expect(await authenticate(bearer("me"), [])).not.toBe(null);
  });

  it("is refused when a region refuses it, and none accepts it", async () => {
    for (const says of [
      { eu: refusal, us: refusal },
      { eu: refusal, us: away },
      { eu: away, us: refusal },
    ]) {
      expect(await create(says).give(bearer("me"))).toBe(null);
    }
  });

  it("is neither when no region can be asked", async () => {
    const answer = create({ eu: away, us: away }).give(bearer("me"));
    await expect(answer).rejects.toMatchObject({ code: "auth_unavailable", status: 503 });
  });

  it("that was accepted is known for a minute, and nobody is asked", async () => {
    const { state, give } = create({});
    const first = await give(bearer("me"));
    expect(state.asked).toHaveLength(2);
    state.now = 59_999;
    expect(give(bearer("me"))).toBe(first);
    expect(state.asked).toHaveLength(2);
    state.now = 60_000;
    expect(give(bearer("me"))).toBeInstanceOf(Promise);
    expect(state.asked).toHaveLength(4);
  });

  it("that is revoked in all regions is refused within a minute", async () => {
    const { state, give } = create({});
    await give(bearer("me"));
    [state.now, state.says] = [60_000, { eu: refusal, us: refusal }];
    expect(await give(bearer("me"))).toBe(null);
  });

  it("that was accepted stays so for an hour while its region is away", async () => {
    const { state, give } = create({ us: refusal });
    const first = await give(bearer("me"));
    for (const says of [
      { eu: away, us: refusal },
      { eu: away, us: away },
    ]) {
      state.now += 60_000;
      state.says = says;
      expect(await give(bearer("me"))).toBe(first);
    }
    expect(state.timeouts).toEqual([undefined, undefined, 2000, 2000, 2000, 2000]);
    state.now = 3_600_000;
    await expect(give(bearer("me"))).rejects.toMatchObject({ code: "auth_unavailable" });
  });

  it("that was revoked is refused, though another region is away", async () => {
    const { state, give } = create({});
    expect(await give(bearer("me"))).toMatchObject({ auth: "token" });
    await new Promise(setImmediate);
    [state.now, state.says] = [60_000, { eu: refusal, us: away }];
    expect(await give(bearer("me"))).toBe(null);
  });

  it("that was refused is asked about again after 10 s", async () => {
    const { state, give } = create({ eu: refusal, us: refusal });
    expect(await give(bearer("me"))).toBe(null);
    [state.now, state.says] = [9999, {}];
    expect(give(bearer("me"))).toBe(null);
    expect(state.asked).toHaveLength(2);
    state.now = 10_000;
    expect(await give(bearer("me"))).not.toBe(null);
  });

  it("that a region could not be asked about is asked about again at once", async () => {
    const { state, give } = create({ eu: refusal, us: away });
    expect(await give(bearer("me"))).toBe(null);
    state.says = { eu: refusal };
    expect(await give(bearer("me"))).not.toBe(null);
  });

  it("of many requests at once is asked about once", async () => {
    const { state, give } = create({});
    const answers = await Promise.all(Array.from({ length: 500 }, async () => give(bearer("me"))));
    expect(new Set(answers).size).toBe(1);
    expect(state.asked).toEqual([`eu ${bearer("me")}`, `us ${bearer("me")}`]);
  });

  it("is named by a digest, another one in every process", async () => {
    const { give } = create({});
    const names = await Promise.all(
      [bearer(1), bearer(1), bearer(2)].map(async (one) => ((await give(one)) as Principal).kid),
    );
    expect(names).toEqual([
      expect.stringMatching(/^[0-9a-f]{16}$/),
      names[0],
      expect.not.stringContaining(names[0] ?? ""),
    ]);
    expect(((await create({}).give(bearer(1))) as Principal).kid).not.toBe(names[0]);
  });

  it.each(["Bearer short", "Basic 0123456789abcdef", "Bearer 0123456789abcdef, Bearer 0123456789abcdef"])(
    "that is none is refused, and nobody is asked: %s",
    (text) => {
      const { state, give } = create({});
      expect([give(text), state.asked]).toEqual([null, []]);
    },
  );

  it("of another fleet is not asked about", () => {
    const { state, give } = create({});
    expect(() => give(bearer("me"), "192.0.2.1", ["User-Agent", "wallet-core-ops-fleet"])).toThrow(/This is a fleet/);
    expect(state.asked).toEqual([]);
  });
});

describe("unknown tokens", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /**
   * As `create`; the regions accept tokens with "honest" in them. They answer within `answerMs`.
   */
  function createScene(answerMs = 40) {
    const asked: string[] = [];
    const ask: AskAcceptance = async ({ name }, authorization) => {
      if (name === "eu") asked.push(authorization);
      await new Promise((resolve) => setTimeout(resolve, answerMs));
      return authorization.includes("honest") ? null : refusal;
    };
    const { authenticate } = createAcceptance({ regions, ask });
    /** What each token got, and after which time, ms. */
    const answers: { readonly name: string; readonly what: string; readonly ms: number }[] = [];
    const give = async (name: string, ip: string) => {
      const at = performance.now();
      const say = (what: string) => void answers.push({ name, what, ms: performance.now() - at });
      try {
        say((await authenticate(bearer(name), ["Authorization", bearer(name)], ip)) ? "accepted" : "refused");
      } catch (error) {
        const { code, headers } = error as OpsError;
        say(`${code} ${JSON.stringify(headers)}`);
      }
    };
    let sent = 0;
    /** Sends so many unknown tokens a second for so long, from networks in turn. */
    const attack = async (seconds: number, perSecond: number, networks: number) => {
      for (let tick = 0; tick < seconds * perSecond; tick += 1) {
        void give(`junk-${(sent += 1)}`, `198.51.${sent % networks}.1`);
        await vi.advanceTimersByTimeAsync(1000 / perSecond);
      }
    };
    const answersOf = (name: string) => answers.filter((one) => one.name.startsWith(name));
    return { asked, answers, answersOf, give, attack };
  }
  const limited = 'rate_limited {"Retry-After":"5"}';

  it("are 100 at once, then ten a second, for all networks together", async () => {
    const { asked, answersOf, attack } = createScene();
    await attack(1, 1000, 250);
    expect(asked.length).toBeGreaterThanOrEqual(100);
    expect(asked.length).toBeLessThanOrEqual(110);
    const before = asked.length;
    await attack(20, 60, 250);
    expect(asked.length - before).toBeGreaterThanOrEqual(195);
    expect(asked.length - before).toBeLessThanOrEqual(201);
    await vi.advanceTimersByTimeAsync(11_000);
    expect(new Set(answersOf("junk").map(({ what }) => what))).toEqual(new Set(["refused", limited]));
    expect(answersOf("junk")).toHaveLength(2200);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([
    [1, 60],
    [4, 60],
    [40, 60],
    [250, 60],
    [40, 600],
  ])("of %i networks, %i a second, keep no new token waiting for a second", async (networks, perSecond) => {
    const { asked, answersOf, give, attack } = createScene();
    // Each network has had its turn: what of a network that is new as well is not known yet.
    await attack(30, perSecond, networks);
    for (let index = 0; index < 10; index += 1) {
      void give(`honest-${index}`, `203.0.${index}.1`);
      await attack(0.4, perSecond, networks);
    }
    await attack(1, perSecond, networks);
    const honest = answersOf("honest");
    expect(honest.map(({ what }) => what)).toEqual(Array.from({ length: 10 }, () => "accepted"));
    expect(Math.max(...honest.map(({ ms }) => ms))).toBeLessThan(500);
    // They take no more questions than before.
    expect(asked.length).toBeLessThanOrEqual(100 + 36 * 10);
  });

  it("of a site's 65,536 networks count as those of one network", async () => {
    const { answersOf, give, attack } = createScene();
    await attack(10, 60, 1);
    for (let index = 0; index < 300; index += 1) void give(`junk-of-${index}`, `2001:db8:1:${index.toString(16)}::1`);
    await vi.advanceTimersByTimeAsync(2000);
    void give("honest", "2001:db8:2::1");
    await vi.advanceTimersByTimeAsync(500);
    expect(answersOf("honest")).toMatchObject([{ what: "accepted" }]);
  });

  it.each([
    ["networks of their own", (index: number) => `203.0.${index}.1`],
    ["one network", () => "203.0.113.1"],
  ])("of 50 clients in %s are accepted at once when a fleet starts", async (_where, toAddress) => {
    const { answersOf, give } = createScene();
    for (let index = 0; index < 50; index += 1) void give(`honest-${index}`, toAddress(index));
    await vi.advanceTimersByTimeAsync(40);
    expect(answersOf("honest").filter(({ what }) => what === "accepted")).toHaveLength(50);
  });

  it.each([
    ["networks of their own", (index: number) => `203.0.${index}.1`],
    ["one network", () => "203.0.113.1"],
  ])("of 50 clients in %s get through an attack when a fleet starts", async (_where, toAddress) => {
    const { answersOf, give, attack } = createScene();
    // It has used up the questions that may be asked at once.
    await attack(3, 60, 40);
    const isIn = new Set<string>();
    for (let second = 0; second < 15 && isIn.size < 50; second += 1) {
      // Clients try again after `Retry-After`.
      const clients = second % 5 === 0 ? 50 : 0;
      for (let index = 0; index < clients; index += 1) {
        const name = `honest-${index}`;
        if (!isIn.has(name)) void give(name, toAddress(index));
      }
      await attack(1, 60, 40);
      for (const { name, what } of answersOf("honest")) if (what === "accepted") isIn.add(name);
    }
    expect(isIn.size).toBe(50);
  });

  it("of a network that waited too long get 429", async () => {
    const { answersOf, give, attack } = createScene();
    await attack(1, 1000, 1);
    void give("honest", "198.51.0.2");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(answersOf("honest")).toEqual([{ name: "honest", what: limited, ms: expect.any(Number) }]);
  });

  it("do not shut out a token that was accepted in the last hour", async () => {
    const { answersOf, give, attack } = createScene();
    void give("honest", "192.0.2.1");
    await vi.advanceTimersByTimeAsync(3_000_000);
    await attack(4, 60, 40);
    void give("honest", "192.0.2.1");
    await vi.advanceTimersByTimeAsync(40);
    expect(answersOf("honest").map(({ what }) => what)).toEqual(["accepted", "accepted"]);
    expect(answersOf("honest")[1]?.ms).toBe(40);
  });
});
