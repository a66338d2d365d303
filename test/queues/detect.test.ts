import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSame, toSourceName } from "../../src/queues/detect.ts";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { common } from "../../src/queues/system.ts";

describe("toSourceName", () => {
  it("leaves a valid name unchanged", () => {
    const longest = `river:${"s".repeat(58)}`;
    expect([toSourceName("river", "x y"), toSourceName(longest, "s")]).toEqual(["river", longest]);
  });

  it("returns a valid name, and another one for each schema", () => {
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

describe("isSame", () => {
  it("compares the kind and the schema, not the name", () => {
    const river = (name: string, schema: string) => ({ kind: "river", name, schema }) as QueueSourceConfig;
    const other = { kind: "table", name: "mine", schema: "a" } as unknown as QueueSourceConfig;
    expect(isSame(other, river("x", "a"))).toBe(false);
    expect(isSame(river("mine", "a"), river("x", "a"))).toBe(true);
    expect(isSame(river("mine", "a"), river("mine", "b"))).toBe(false);
    const broker = { kind: "rabbitmq", name: "mq" } as unknown as QueueSourceConfig;
    expect(isSame(broker, { ...broker, name: "rabbitmq" })).toBe(true);
  });
});
