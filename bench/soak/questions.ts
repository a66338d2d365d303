import { createSchema } from "../../src/graphql/schema.ts";
import { generateDocuments } from "../../test/support/generated-documents.ts";
import {
  generateGrafanaQuestions,
  generateMcpQuestions,
  generateOtherQuestions,
  generateRestQuestions,
  type Question,
  toGraphqlQuestion,
} from "../../test/support/questions.ts";
import { worldNow, wordOf } from "../../test/support/world.ts";
import { grafanaRange, grafanaValues, mcpValues, restValues, worldValues } from "../../test/support/world-values.ts";

/** What a gateway has, of which questions name one thing at a time. */
export interface Things {
  readonly containers: readonly string[];
  readonly engines: readonly string[];
  readonly queues: readonly string[];
  readonly sources: readonly string[];
  readonly hosts: readonly string[];
}

/**
 * Every question of the tests: each field, argument, endpoint, metric and tool. They name things of
 * the tests' world, for `toFresh`.
 */
export function listQuestions(): readonly Question[] {
  return [
    ...generateDocuments(createSchema(), worldValues).map(toGraphqlQuestion),
    ...generateRestQuestions(restValues),
    ...generateGrafanaQuestions(grafanaValues, grafanaRange),
    ...generateMcpQuestions(mcpValues),
    ...generateOtherQuestions(),
  ];
}

const own = wordOf("staging");
/** Where the tests' world names something else than a container. */
const kinds: Readonly<Record<string, keyof Things>> = {
  "1": "engines",
  payouts: "queues",
  jobs: "sources",
  node: "hosts",
};
/** Names, times, patterns and words in a question of the tests. */
const replaceable = new RegExp(String.raw`${own}-(\w+)|(2026-01-13T\d\d)(:|%3A)(\d\d)\3(\d\d\.000Z)|wr\.te|wrote`, "g");

/**
 * The question as nobody has asked it before: about other things, of now, with other patterns,
 * words and another text of its document. `number` is another one each time.
 */
export function toFresh(
  question: Question,
  things: Things,
  number: number,
  pick: <T>(all: readonly T[]) => T | undefined,
): Question {
  const renew = (text: string) =>
    text.replaceAll(replaceable, (found, name?: string, hour?: string, colon = ":", minute = "", rest = "") => {
      if (name !== undefined) return pick(things[kinds[name] ?? "containers"]) ?? found;
      if (hour === undefined) return `${found}${found === "wrote" ? "" : "|"}${number}`;
      const time = Date.parse(`${hour}:${minute}:${rest}`) - worldNow + Date.now();
      return new Date(time).toISOString().replaceAll(":", colon);
    });
  const path = renew(question.path).replaceAll("|", "%7C");
  const body = question.body && renew(question.body).replace(/^\{"query":"(\w+) \{/, `{"query":"$1 Q${number} {`);
  return { ...question, path, body };
}
