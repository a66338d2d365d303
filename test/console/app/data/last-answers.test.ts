import { expect, test } from "vitest";
import { LastAnswers } from "../../../../src/console/app/data/last-answers.ts";

const tenMinutesMs = 600_000;

test("a left question has its last answer for ten minutes", () => {
  const answers = new LastAnswers<string>();
  answers.set("queues", "mail", 1000);
  expect(answers.get("queues", tenMinutesMs + 999)).toBe("mail");
  expect(answers.get("queues", tenMinutesMs + 1000)).toBeUndefined();
  expect(answers.get("hosts", 1000)).toBeUndefined();
});

test("the answer of the question that was left first goes at 31", () => {
  const answers = new LastAnswers<number>();
  for (let key = 0; key < 30; key += 1) answers.set(`question ${key}`, key, key);
  answers.set("question 0", 100, 30);
  answers.set("question 30", 30, 31);
  const found = Array.from({ length: 31 }, (_, key) => answers.get(`question ${key}`, 32));
  expect(found).toEqual([100, undefined, ...Array.from({ length: 29 }, (_, key) => key + 2)]);
});

test("another token has none of the answers", () => {
  const answers = new LastAnswers<string>();
  answers.set("queues", "mail", 0);
  answers.clear();
  expect(answers.get("queues", 0)).toBeUndefined();
});
