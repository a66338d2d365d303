import * as fc from "fast-check";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { silentLogger } from "../../../src/logger.ts";
import { common } from "../../../src/upstreams/queues/config-parts.ts";
import { toSourceName } from "../../../src/upstreams/queues/detection.ts";
import { createDetector } from "../../../src/upstreams/queues/detector.ts";
import type { KindSource } from "../../../src/upstreams/queues/kind.ts";
import { createMemoryDatabase } from "../../support/memory-database.ts";

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

describe("createDetector", () => {
  it("tells once of each change: what is found, that it is too much, that nothing is left", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const lines: string[] = [];
    const logger = {
      ...silentLogger,
      info: (_: object, message: string) => lines.push(message),
      warn: (fields: object, message: string) => lines.push(`${message} ${JSON.stringify(fields)}`),
    };
    let schemas = 0;
    const rows = () => Array.from({ length: schemas }, (_, n) => ({ kind: "river", schema: `s${n}`, table: "river_job" }));
    const detector = createDetector({
      sources: [],
      brokers: { rabbitmq: null, redis: null },
      database: createMemoryDatabase(rows),
      open: ({ name }) => ({ name }) as KindSource,
      logger,
    });
    const signal = AbortSignal.timeout(10_000);
    const lookAt = async (count: number) => {
      schemas = count;
      lines.length = 0;
      vi.advanceTimersByTime(60_000);
      await detector.sources(signal);
      // What is due is looked for behind the answer.
      await vi.waitFor(async () => expect(await detector.sources(signal)).toHaveLength(Math.min(count, 500)));
      // Also where it finds as many as before: the clock goes on only when it has ended.
      await new Promise((resolve) => setImmediate(resolve));
      return [...lines];
    };
    const tooMuch = 'more queue sources than are taken: some are left out {"most":500}';
    expect(await lookAt(0)).toEqual([]);
    expect(await lookAt(1)).toEqual(["queue sources detected"]);
    expect(await lookAt(1)).toEqual([]);
    expect(await lookAt(501)).toEqual(["queue sources detected", tooMuch]);
    expect(await lookAt(501)).toEqual([]);
    expect(await lookAt(0)).toEqual(["no queue sources are detected any more {}"]);
    expect(await lookAt(0)).toEqual([]);
    expect(await lookAt(500)).toEqual(["queue sources detected"]);
    expect(await lookAt(502)).toEqual([tooMuch]);
  });
});
