import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTopicIndex } from "../../../../src/queues/systems/rabbitmq/topics.ts";
import { finish } from "../../../support/steps.ts";

const matchesTopic = (pattern: readonly string[], words: readonly string[]): boolean => {
  const topics = createTopicIndex<null>({ left: 100_000 });
  topics.add(pattern, null);
  return finish(topics.find(words)).length === 1;
};

describe("createTopicIndex", () => {
  const match = (pattern: string, key: string) => matchesTopic(pattern.split("."), key.split("."));
  it.each([
    ["#", "a.b", true],
    ["a.#", "a", true],
    ["a.*", "a", false],
    ["a.*", "a.b", true],
    ["*.b.#.d", "a.b.c.c.d", true],
    ["*.b.#.d", "a.b.d", true],
    ["a.b", "a.b.c", false],
    ["a", "b", false],
    ["*", "a", true],
    ["*.*", "a", false],
    ["b.a", "a", false],
    ["#.#", "a", true],
    ["#.a", "b", false],
    ["a.#.b", "a.b", true],
    ["#.b", "a.b.c", false],
  ])("%s and %s: %s", (pattern, key, expected) => expect(match(pattern, key)).toBe(expected));

  it("matches no words only by `#`", () => {
    expect([
      matchesTopic([], []),
      matchesTopic(["#"], []),
      matchesTopic(["*"], []),
      matchesTopic([], ["a"]),
    ]).toStrictEqual([true, true, false, false]);
  });

  it("agrees with the recursive definition, and is fast on hostile patterns", () => {
    const slow = (pattern: readonly string[], words: readonly string[]): boolean => {
      const [part, ...rest] = pattern;
      if (part === undefined) return words.length === 0;
      if (part === "#") return slow(rest, words) || (words.length > 0 && slow(pattern, words.slice(1)));
      return words.length > 0 && (part === "*" || part === words[0]) && slow(rest, words.slice(1));
    };
    const part = fc.constantFrom("#", "*", "a", "b");
    const word = fc.constantFrom("a", "b");
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 6 }),
        fc.array(word, { minLength: 1, maxLength: 6 }),
        (pattern, words) => {
          expect(matchesTopic(pattern, words)).toBe(slow(pattern, words));
        },
      ),
    );
    // Each way to split the words would be tried, exponentially many: these are milliseconds, or
    // hours.
    const many = () =>
      match(Array.from({ length: 60 }, () => "#.a").join("."), Array.from({ length: 120 }, () => "b").join("."));
    expect(many()).toBe(false);
  });

  it("finds the values of all patterns that match, with few visits", () => {
    const visits = { left: 1_000_000 };
    const topics = createTopicIndex<number>(visits);
    for (let index = 0; index < 1000; index += 1) topics.add(`#.q${index}.*`.split("."), index);
    topics.add(["#"], -1);
    const before = visits.left;
    expect(finish(topics.find("jobs.q7.failed".split(".")))).toEqual(expect.arrayContaining([-1, 7]));
    expect(before - visits.left).toBeLessThan(30);
  });

  it("gives up where no visits are left", () => {
    const visits = { left: 300 };
    const topics = createTopicIndex<number>(visits);
    for (let index = 0; index < 1000; index += 1) topics.add([`q${index}`], index);
    expect(visits.left).toBeLessThan(0);
    expect(finish(topics.find(["q1"]))).toEqual([]);
  });
});
