import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OpsError } from "../../src/errors.ts";
import { parseBody, parsePayload, parseQuery } from "../../src/grafana/input.ts";
import { panelBody } from "./panel-body.ts";

const nowMs = Date.parse("2026-11-24T21:00:00Z");

describe("parseBody", () => {
  it("takes no body, and what is no object, for {}", () => {
    expect(["", " \n", "{}", "[]", "null", "3", '"x"'].map((text) => parseBody(Buffer.from(text)))).toEqual(
      Array.from({ length: 7 }, () => ({})),
    );
    expect(parseBody(Buffer.from('{"a":1}'))).toEqual({ a: 1 });
    expect(() => parseBody(Buffer.from("{"))).toThrow("not JSON");
  });
});

/** How many points would be asked for; null where it is refused as the caller's mistake. Anything else is thrown. */
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
      targets: [{ refId: "A", metrics: ["queue_depth"], conditions: [], step: null, includeAccessories: false, unknown: [] }],
    });
  });

  it("knows the names of old versions", () => {
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
    expect(parseQuery({ targets: [{ target: "queue_depth", data: "{broken" }] }, nowMs).targets[0]?.conditions).toEqual([]);
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
  ])("%j is %j", (body, expected) => {
    expect(parseQuery(body, nowMs)).toMatchObject(expected);
  });

  it.each([
    [{ range: { from: "now-6h", to: "now" } }, "range.to must be a time"],
    [{ range: { from: -5 } }, "range.from must be a time"],
    [{ range: { from: 10, to: 5 } }, "range.from must not be after"],
    [{ targets: Array.from({ length: 51 }, () => ({ target: "up" })) }, "at most 50 targets"],
    [{ targets: [{ target: "up", payload: { step: "soon" } }] }, "step must be from 1 to 86400"],
    [{ targets: [{ target: "up", payload: { step: 0 } }] }, "step must be"],
    [{ targets: [{ target: "containers", payload: { accessories: "maybe" } }] }, "accessories must be true or false"],
  ])("refuses %j: %s", (body, message) => {
    expect(() => parseQuery(body, nowMs)).toThrow(message);
  });

  it("answers or refuses anything at all, and never asks for more than a series may have", () => {
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
  it.each([[undefined], [null], [{}], ["{}"], [[]], [{ queue: "All", env: "", step: "auto", accessories: null }]])(
    "%j is the defaults",
    (payload) => {
      expect(parsePayload(payload)).toEqual({ conditions: [], step: null, includeAccessories: false, unknown: [] });
    },
  );
  it("tells what it does not know", () => {
    expect(parsePayload({ queu: "payouts" }).unknown).toEqual(["queu"]);
  });
});
