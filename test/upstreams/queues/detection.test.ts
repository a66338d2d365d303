import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { common } from "../../../src/upstreams/queues/config-parts.ts";
import { toSourceName } from "../../../src/upstreams/queues/detection.ts";

describe("toSourceName", () => {
  it("leaves alone what may be a name", () => {
    const longest = `river:${"s".repeat(58)}`;
    expect([toSourceName("river", "x y"), toSourceName(longest, "s")]).toEqual(["river", longest]);
  });

  it("is a name that a source may have, and another one for each schema", () => {
    expect.hasAssertions();
    const schema = fc.oneof(
      fc.string({ minLength: 1, maxLength: 63, unit: fc.constantFrom("x", "_", " ", "-", "ü") }),
      fc.string({ minLength: 1, maxLength: 4 }).map((end) => "s".repeat(60) + end),
    );
    fc.assert(
      fc.property(fc.constantFrom("pgboss", "graphile-worker"), schema, schema, (kind, a, b) => {
        const [first, second] = [a, b].map((one) => toSourceName(`${kind}:${one}`, one));
        expect(common.name.safeParse(first).success).toBe(true);
        expect(first === second).toBe(a === b);
      }),
    );
  });
});
