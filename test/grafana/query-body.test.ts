import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseBody, parsePayload, parseQuery } from "../../src/grafana/query.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { panelBody } from "../support/grafana-panel.ts";

const nowMs = Date.parse("2026-11-24T21:00:00Z");

describe("parseBody", () => {
  it("reads an empty body, and any other non-object, as {}", () => {
    expect(["", " \n", "{}", "[]", "null", "3", '"x"'].map((text) => parseBody(Buffer.from(text)))).toEqual(
      Array.from({ length: 7 }, () => ({})),
    );
    expect(parseBody(Buffer.from('{"a":1}'))).toEqual({ a: 1 });
    expect(() => parseBody(Buffer.from("{"))).toThrow("not JSON");
  });
});

/**
 * How many points would be asked for; null where it is refused as the caller's mistake. Anything
 * else is thrown.
 */
function tryQuery(body: Parameters<typeof parseQuery>[0]) {
  try {
    return parseQuery(body, nowMs);
  } catch (error) {
    if (error instanceof OpsError && error.code === "invalid_request") return null;
    throw error;
  }
}

describe("parseQuery", () => {
  it("reads the body that Grafana 13 sends", () => {
    expect(parseQuery(panelBody([{ refId: "A", target: "queue_depth", payload: {} }]), nowMs)).toEqual({
      from: "2026-11-24T14:52:57.574Z",
      to: "2026-11-24T20:52:57.574Z",
      // Six hours in steps of its interval, 30 s.
      maxPoints: 720,
      conditions: [],
      targets: [
        {
          refId: "A",
          metrics: ["queue_depth"],
          conditions: [],
          step: null,
          includeAccessories: false,
          unknown: [],
          failure: null,
        },
      ],
    });
  });

  it("accepts the names of old versions", () => {
    const body = {
      targets: [{ refId: "A", type: "timeserie", target: "queue_depth", data: { queue: "payouts" } }],
      adhocFilters: [{ key: "env", operator: "=", value: "staging" }],
    };
    expect(parseQuery(body, nowMs)).toMatchObject({
      targets: [{ conditions: [{ key: "queue", operator: "=|", values: ["payouts"] }] }],
      conditions: [{ key: "env", operator: "=", values: ["staging"] }],
    });
    expect(
      parseQuery({ targets: [{ target: "queue_depth", data: '{"queue":"payouts"}' }] }, nowMs).targets[0]?.conditions,
    ).toHaveLength(1);
    expect(parseQuery({ targets: [{ target: "queue_depth", data: "{broken" }] }, nowMs).targets[0]?.conditions).toEqual(
      [],
    );
  });

  it("reads a target with a variable in it", () => {
    const metrics = (target: unknown) => parseQuery({ targets: [{ target }] }, nowMs).targets.map((one) => one.metrics);
    expect(metrics("(queue_depth|host_load1)")).toEqual([["queue_depth", "host_load1"]]);
    expect(metrics("")).toEqual([]);
    expect(metrics(undefined)).toEqual([]);
    expect(parseQuery({ targets: [{ target: "up", hide: true }] }, nowMs).targets).toEqual([]);
  });

  it.each([
    [{}, { from: "2026-11-24T15:00:00.000Z", to: "2026-11-24T21:00:00.000Z", maxPoints: 500, targets: [] }],
    [
      { range: { from: 1_795_500_000_000, to: "1795503600000" } },
      { from: "2026-11-24T06:00:00.000Z", to: "2026-11-24T07:00:00.000Z" },
    ],
    [{ maxDataPoints: "100", intervalMs: "60000" }, { maxPoints: 100 }],
    [{ maxDataPoints: 400, intervalMs: "60000" }, { maxPoints: 360 }],
    [{ maxDataPoints: 1e9, intervalMs: 20_000 }, { maxPoints: 1080 }],
    [{ maxDataPoints: 0.2 }, { maxPoints: 1 }],
    [{ intervalMs: 100 }, { maxPoints: 500 }],
    [{ maxDataPoints: 1e9 }, { maxPoints: 11_000 }],
    [{ intervalMs: 86_400_000 }, { maxPoints: 1 }],
    [
      { targets: { a: 1 }, filters: {} },
      { targets: [], conditions: [] },
    ],
  ])("reads %j as %j", (body, expected) => {
    expect(parseQuery(body, nowMs)).toMatchObject(expected);
  });

  it.each([
    [{ range: { from: "now-6h", to: "now" } }, "range.to must be a time"],
    [{ range: { from: -5 } }, "range.from must be a time"],
    [{ range: { from: 10, to: 5 } }, "range.from must not be after"],
    [{ targets: Array.from({ length: 51 }, () => ({ target: "up" })) }, "at most 50 targets"],
  ])("refuses %j: %s", (body, message) => {
    expect(() => parseQuery(body, nowMs)).toThrow(message);
  });

  it.each([
    [{ step: "soon" }, "step must be from 1 to 86400"],
    [{ step: 0 }, "step must be"],
    [{ accessories: "maybe" }, "accessories must be true or false"],
    [{ queue: Array.from({ length: 1001 }, (_, index) => `q${index}`) }, "At most 1000 values for one name"],
  ])("has what is wrong with a payload as a failure of its target: %#", (payload, message) => {
    const targets = [payload, {}].map((one) => ({ target: "up", payload: one }));
    const [wrong, fine] = parseQuery({ targets }, nowMs).targets;
    expect(wrong?.failure?.message).toContain(message);
    expect(fine?.failure).toBeNull();
  });

  it.each([
    ["queue", "a,b", ["a,b", "a", "b"]],
    ["queue", "a|b|c", ["a|b|c", "a", "b", "c"]],
    ["queue", " a , b ", ["a , b", "a", "b"]],
    ["queue", ["a,b"], ["a,b"]],
    ["queue", "(a|b)", ["a", "b"]],
    ["queue", String.raw`(a\|x|b)`, ["a|x", "b"]],
    ["queue", "a,All", null],
    ["env", "STAGING,production", ["staging,production", "staging", "production"]],
  ])("reads in %s the names of %j, as Grafana writes several", (key, text, values) => {
    const [condition] = parsePayload({ [key]: text }).conditions;
    expect(condition?.values ?? null).toEqual(values);
  });

  it.each(["queue_depth,up", "queue_depth|up", "(queue_depth|up)"])("reads several metrics of %s", (target) => {
    expect(parseQuery({ targets: [{ target }] }, nowMs).targets[0]?.metrics).toEqual(["queue_depth", "up"]);
  });

  it("accepts its limits and refuses one more", () => {
    const target = (payload: object = {}) => ({ refId: "A", target: "up", payload });
    const isTaken = (body: object) =>
      tryQuery(body as never)?.targets.every(({ failure }) => failure === null) ?? false;
    const many = (count: number) => Array.from({ length: count }, () => target());
    const filters = (count: number) =>
      Array.from({ length: count }, () => ({ key: "queue", operator: "=", value: "x" }));
    const step = (value: unknown) => ({ targets: [target({ step: value })] });
    const at = (ms: number) => ({ range: { from: ms, to: ms } });
    const last = Date.UTC(10_000, 0, 1);
    for (const [name, taken, refused] of [
      ["targets", { targets: many(50) }, { targets: many(51) }],
      ["filters", { targets: many(1), filters: filters(20) }, { targets: many(1), filters: filters(21) }],
      [
        "filters with those of the payload",
        { targets: [target({ queue: "a", env: "staging" })], filters: filters(18) },
        { targets: [target({ queue: "a", env: "staging" })], filters: filters(19) },
      ],
      ["the shortest step", step(1), step(0)],
      ["the longest step", step("86400"), step("86401")],
      ["accessories", { targets: [target({ accessories: "1" })] }, { targets: [target({ accessories: "2" })] }],
      ["the earliest time", at(0), at(-1)],
      ["the latest time", at(last - 1), at(last)],
      ["a range of no length", at(5), { range: { from: 6, to: 5 } }],
    ] as const)
      expect([isTaken(taken), isTaken(refused)], name).toEqual([true, false]);
  });

  it("reads each target's step, accessories and names, and the range", () => {
    const targets = [
      { refId: "A", target: "up", payload: { step: "5m", accessories: 1, x: 0 } },
      { refId: 7, target: ["up", "hosts"], payload: { kind: ["host", "engine"] } },
      { refId: "C", target: "up", hide: "yes" },
      "nothing",
    ];
    const range = { from: 1_795_500_000_000.9, to: "2026-11-24T09:00:00.5Z" };
    expect(parseQuery({ range, targets, intervalMs: 7000, maxDataPoints: 2.6 }, nowMs)).toEqual({
      from: "2026-11-24T06:00:00.000Z",
      to: "2026-11-24T09:00:00.500Z",
      maxPoints: 3,
      conditions: [],
      targets: [
        {
          refId: "A",
          metrics: ["up"],
          conditions: [],
          step: 300,
          includeAccessories: true,
          unknown: ["x"],
          failure: null,
        },
        {
          refId: "",
          metrics: ["up", "hosts"],
          conditions: [{ key: "kind", operator: "=|", values: ["host", "engine"] }],
          step: null,
          includeAccessories: false,
          unknown: [],
          failure: null,
        },
        {
          refId: "C",
          metrics: ["up"],
          conditions: [],
          step: null,
          includeAccessories: false,
          unknown: [],
          failure: null,
        },
      ],
    });
    // 3 h and 0.5 s in steps of 7 s: 1542.9
    expect(parseQuery({ range, intervalMs: 7000, maxDataPoints: 5000 }, nowMs).maxPoints).toBe(1542);
    for (const intervalMs of [0, -1, "x"]) {
      expect(parseQuery({ range, intervalMs, maxDataPoints: 5000 }, nowMs).maxPoints).toBe(5000);
    }
    expect(parseQuery({ maxDataPoints: -3 }, nowMs).maxPoints).toBe(1);
    expect(parseQuery({ range: { from: "", to: null } }, nowMs)).toMatchObject({
      from: "2026-11-24T15:00:00.000Z",
      to: "2026-11-24T21:00:00.000Z",
    });
    expect(parseQuery({ range: { to: "2026-11-24T06:00:00Z" } }, nowMs).from).toBe("2026-11-24T00:00:00.000Z");
  });

  it("refuses JSON that is nested too deeply, whatever its texts contain", () => {
    const nested = (depth: number, inner = "") => `${"[".repeat(depth)}${inner}${"]".repeat(depth)}`;
    const body = (depth: number, inner?: string) => () => parseBody(Buffer.from(`{"a":${nested(depth, inner)}}`));
    expect(body(63)).not.toThrow();
    expect(body(64)).toThrow("more than 64 levels");
    expect(body(63, String.raw`"[[{{\\"`)).not.toThrow();
    expect(body(63, String.raw`"\"[["`)).not.toThrow();
    expect(body(63, String.raw`"\\",[]`)).toThrow("more than 64 levels");
    expect(body(62, `{},${nested(1)},{}`)).not.toThrow();
    expect(body(62, "[{}]")).toThrow("more than 64 levels");
    expect(() => parsePayload(`{"a":${nested(64)}}`)).toThrow("more than 64 levels");
  });

  it("refuses more metrics than 200 in all targets, however they are listed", () => {
    const ask = (count: number, targets: number) => () =>
      parseQuery(
        { targets: Array.from({ length: targets }, () => ({ target: Array(count).fill("up").join() })) },
        nowMs,
      );
    expect(ask(200, 1)).not.toThrow();
    expect(ask(4, 50)).not.toThrow();
    for (const more of [ask(201, 1), ask(5, 50), ask(1000, 50)]) expect(more).toThrow("at most 200 metrics");
    expect(ask(1001, 1)).toThrow("At most 1000 values for one name");
  });

  it("refuses a body that lists too much, before it is parsed", () => {
    const body = (text: string) => () => parseBody(Buffer.from(text));
    expect(body(`{"a":[${Array(24_990).fill(1).join()}]}`)).not.toThrow();
    expect(body(`{"a":[${Array(25_001).fill(1).join()}]}`)).toThrow("more than 25000 values");
    expect(body(`{"a":"${"x|".repeat(40_001)}"}`)).toThrow("more than 40000 commas and bars");
    expect(() => parsePayload(`{"a":[${Array(5001).fill(1).join()}]}`)).toThrow("more than 5000 values");
  });

  it("answers or refuses any body, and never exceeds a series' points", () => {
    const anything = fc.anything();
    const body = fc.record(
      {
        range: anything,
        targets: fc.oneof(anything, fc.array(fc.record({ target: anything, payload: anything, refId: anything }))),
        maxDataPoints: anything,
        intervalMs: anything,
        filters: anything,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(body, (given) => {
        const { maxPoints } = tryQuery(given) ?? { maxPoints: 1 };
        expect(Number.isInteger(maxPoints)).toBe(true);
        expect(maxPoints).toBeGreaterThanOrEqual(1);
        expect(maxPoints).toBeLessThanOrEqual(11_000);
      }),
    );
  });
});

describe("parsePayload", () => {
  it("reads builder and code payloads alike", () => {
    const builder = { queue: [String.raw`(payouts|webhook\.aella\.process)`], step: "300", accessories: "true" };
    const code = { queue: ["payouts", "webhook.aella.process"], step: 300, accessories: true };
    expect(parsePayload(builder)).toEqual(parsePayload(code));
    expect(parsePayload(code)).toEqual({
      conditions: [{ key: "queue", operator: "=|", values: ["payouts", "webhook.aella.process"] }],
      step: 300,
      includeAccessories: true,
      unknown: [],
    });
  });
  it("takes a step as a number, or as a text with a unit", () => {
    const steps = [30, "30", "30s", "5m", "2h", "1d"].map((step) => parsePayload({ step }).step);
    expect(steps).toEqual([30, 30, 30, 300, 7200, 86_400]);
    for (const step of ["1.5", "5 m", "x30", "1000000000"])
      expect(() => parsePayload({ step })).toThrow("step must be from 1 to 86400");
  });

  it.each([[undefined], [null], [{}], ["{}"], [[]], [{ queue: "All", env: "", step: "auto", accessories: null }]])(
    "reads %j as the defaults",
    (payload) => {
      expect(parsePayload(payload)).toEqual({
        conditions: [],
        step: null,
        includeAccessories: false,
        unknown: [],
      });
    },
  );
  it("names unknown keys", () => {
    expect(parsePayload({ queu: "payouts" }).unknown).toEqual(["queu"]);
    const many = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`x${index}`, 1]));
    expect(parsePayload({ queue: "a", ...many }).unknown).toEqual(Object.keys(many).slice(0, 10));
  });
});
