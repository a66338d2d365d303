import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseTraceparent } from "../../../src/lib/tracing/traceparent.ts";

const [trace, span] = ["4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"];

test("a well-formed traceparent names the sender's span", () => {
  expect(parseTraceparent(`00-${trace}-${span}-01`)).toEqual({ traceId: trace, spanId: span, isSampled: true });
  expect(parseTraceparent(`cc-${trace}-${span}-fe`)).toEqual({ traceId: trace, spanId: span, isSampled: false });
});

test("a traceparent is accepted only if all is well-formed", () => {
  const bad = [
    undefined,
    "",
    trace,
    `ff-${trace}-${span}-01`,
    `00-${"0".repeat(32)}-${span}-01`,
    `00-${trace}-${"0".repeat(16)}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
    `00-${trace}-${span}`,
    `00-${trace}-${span}-01\n`,
    `00-${trace}-${span}-01-x`,
    ["a", "b"],
  ];
  for (const header of bad) expect(parseTraceparent(header), String(header)).toBeNull();
});

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...Array.from("0123456789abcdef")), minLength: length, maxLength: length });

test("ids and the flag of any valid traceparent come back", () => {
  const ids = fc
    .tuple(hex(32), hex(16), hex(2))
    .filter(([traceId, spanId]) => /[^0]/.test(traceId) && /[^0]/.test(spanId));
  fc.assert(
    fc.property(ids, ([traceId, spanId, flags]) => {
      const isSampled = /[13579bdf]$/.test(flags);
      expect(parseTraceparent(`00-${traceId}-${spanId}-${flags}`)).toEqual({ traceId, spanId, isSampled });
    }),
  );
});
