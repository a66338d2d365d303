import { describe, expect, it } from "vitest";
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
    const names = await Promise.all([bearer(1), bearer(1), bearer(2)].map(async (one) => ((await give(one)) as Principal).kid));
    expect(names).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/), names[0], expect.not.stringContaining(names[0] ?? "")]);
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

/** The answer, or the error. */
const settle = async (ask: () => unknown): Promise<unknown> => {
  try {
    return await ask();
  } catch (error) {
    return error;
  }
};

describe("unknown tokens", () => {
  const refused = { eu: refusal, us: refusal };
  const limited = expect.objectContaining({ code: "rate_limited", headers: { "Retry-After": "1" } });

  it("of one network are 20 at once, then one a second", async () => {
    const { state, give } = create(refused);
    for (let index = 0; index < 20; index += 1) await give(bearer(index), `192.0.2.7`);
    expect(() => give(bearer("next"), "192.0.2.7")).toThrow(limited);
    expect(state.asked).toHaveLength(40);
    expect(await give(bearer("other"), "192.0.3.8")).toBe(null);
    state.now = 1000;
    expect(await give(bearer("next"), "192.0.2.7")).toBe(null);
    expect(() => give(bearer("last"), "192.0.2.7")).toThrow(limited);
  });

  it("of all networks are 100 at once, then ten a second", async () => {
    const { state, give } = create(refused);
    const answers = new Set<string>();
    const flood = async (count: number) => {
      const before = state.asked.length / regions.length;
      for (let index = 0; index < count; index += 1) {
        const from = `198.51.${index % 250}.${(index / 250) | 0}`;
        const answer = await settle(() => give(bearer(`${state.now}-${index}`), from));
        answers.add(answer === null ? "refused" : (answer as OpsError).code);
      }
      return state.asked.length / regions.length - before;
    };
    expect(await flood(1000)).toBe(100);
    state.now = 500;
    expect(await flood(1000)).toBe(5);
    expect([...answers]).toEqual(["refused", "rate_limited"]);
  });

  it("do not shut out a token that was accepted in the last hour", async () => {
    const { state, give } = create({});
    const me = await give(bearer("me"));
    state.says = refused;
    state.now = 3_000_000;
    for (let index = 0; index < 100; index += 1) await give(bearer(index), `198.51.${index}.1`);
    expect(() => give(bearer("stranger"), "203.0.113.1")).toThrow(limited);
    state.says = {};
    expect(await give(bearer("me"))).toBe(me);
  });
});
