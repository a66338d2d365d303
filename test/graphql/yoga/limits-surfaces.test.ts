import { getOperationAST, Kind, type OperationDefinitionNode, parse, print } from "graphql";
import { expect, it } from "vitest";
import { mostPageLines } from "../../../src/client/log-reader.ts";
import * as ofClient from "../../../src/generated/client.ts";
import * as ofConsole from "../../../src/generated/console.ts";
import { createContext } from "../../../src/graphql/context.ts";
import { createSchema } from "../../../src/graphql/schema.ts";
import { weigh } from "../../../src/graphql/yoga/limits.ts";
import { createCaller } from "../../support/caller.ts";
import { createWorld } from "../../support/world.ts";

const schema = createSchema();
const { sources } = createWorld({ env: "staging", halves: ["staging"] });

/** The largest arguments of the console and the terminal among those that make an answer longer. */
const most: Readonly<Record<string, number>> = {
  tail: mostPageLines,
  newest: 100_000,
  first: 500,
  maxPoints: 1000,
  limit: 100,
  step: 60,
  waitSeconds: 120,
  window: 3600,
  maxAgeSeconds: 3600,
};

function getMost(name: string): number {
  const found = most[name];
  if (found === undefined) throw new Error(`$${name} has no number: add the most that a surface sends`);
  return found;
}

const id = Buffer.from("Deploy:a").toString("base64url");
const texts: Readonly<Record<string, unknown>> = { String: "x", ID: id, DateTime: "2026-01-13T10:00:00Z" };

/** A value for each variable: the maximum for those that count, any other if one is required. */
function toVariables({ variableDefinitions = [] }: OperationDefinitionNode) {
  return Object.fromEntries(
    variableDefinitions.flatMap(({ variable, type, defaultValue }) => {
      const { value: name } = variable.name;
      const [inner, isList] = [print(type).replaceAll(/[![\]]/g, ""), print(type).startsWith("[")];
      if (inner === "Int") return [[name, getMost(name)]];
      if (type.kind !== Kind.NON_NULL_TYPE || defaultValue) return [];
      const one = inner === "Boolean" ? true : texts[inner];
      return [[name, isList ? [one] : one]];
    }),
  );
}

const documents = Object.entries({ client: ofClient, console: ofConsole }).flatMap(([surface, exported]) =>
  Object.entries(exported)
    .map(([name, document]) => ({ surface, name, text: String(document) }))
    .filter(({ text }) => /^\s*(?:query|mutation|subscription)\b/.test(text)),
);

it("documents of the console and the terminal are found", () => {
  expect(documents.length).toBeGreaterThan(60);
});

it.each(documents)("$surface $name is within the limits at its largest arguments", ({ text }) => {
  const document = parse(text);
  const operation = getOperationAST(document) as OperationDefinitionNode;
  const variableValues = toVariables(operation);
  const contextValue = createContext(sources, createCaller());
  expect(weigh({ schema, document, variableValues, contextValue })).toBeTypeOf("number");
});
