import { createSchema } from "../../src/graphql/schema.ts";
import { generateDocuments, type GeneratedDocument, type Values } from "./generated-documents.ts";
import {
  generateGrafanaQuestions,
  generateMcpQuestions,
  generateOtherQuestions,
  generateRestQuestions,
  type Question,
  toGraphqlQuestion,
} from "./questions.ts";
import { grafanaRange, grafanaValues, mcpValues, restValues, worldValues } from "./world-values.ts";

/** As much as one question may ask for. */
const most: Values = {
  ...worldValues,
  first: { own: [100], always: true },
  "timeline.first": { own: [500], always: true },
  tail: { own: [5000], always: true },
  maxPoints: { own: [11_000], always: true },
  includeAccessories: { own: [true], always: true },
  "logs.destination": { own: ["staging"], always: true },
  // Every field by which containers are chosen leaves some of them out.
  ...Object.fromEntries(
    ["env", "containers.env", "destination", "service", "engine"].map((name) => [name, { own: [undefined] }]),
  ),
};

/** A question, and what it is about: its root field, endpoint, metric, tool or route. */
interface Named {
  readonly name: string;
  readonly question: Question;
}

/**
 * Questions of every root field of Query that the schema has, with arguments that leave out as
 * little as they can, and of every endpoint, metric, tool and route that reads. They name things of
 * world.ts.
 */
export function listHeaviest(): readonly Named[] {
  const graphql = generateDocuments(createSchema(), most, { everywhere: true })
    .filter(({ isShallow, operation }) => !isShallow && operation === "query")
    .flatMap((document) => [document, toLeast(document)])
    .map((document) => ({ name: `graphql ${document.field}`, question: toGraphqlQuestion(document) }));
  const others = [
    ...generateRestQuestions(restValues),
    ...generateGrafanaQuestions(grafanaValues, grafanaRange),
    ...generateMcpQuestions(mcpValues),
    ...generateOtherQuestions(),
  ].filter(({ isPlain, manner }) => isPlain && manner === "read");
  const all = [...graphql, ...others.map((question) => ({ name: toName(question), question }))];
  const byText = new Map(all.map((one) => [JSON.stringify(one), one]));
  return [...byText.values()];
}

/** The same field with nothing below it: that is not too complex in a large product. */
function toLeast(document: GeneratedDocument): GeneratedDocument {
  return {
    ...document,
    text: document.text.replace(/^(query \{ \w+(?:\([^)]*\))?) \{.*\} \}$/, "$1 { __typename } }"),
  };
}

function toName({ path, body, headers }: Question): string {
  const place = path.replace(/^\/api\/v1\/admin\/ops/, "rest ");
  const tool = headers["mcp-name"];
  if (tool !== undefined) return `mcp ${tool}`;
  const target = /"target":"(\w+)"/.exec(body ?? "")?.[1];
  return target === undefined ? place : `${place} ${target}`;
}
