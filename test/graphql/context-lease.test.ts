import { parse, subscribe } from "graphql";
import { expect, test } from "vitest";
import { type Principal, type Scope, scopes } from "../../src/auth/principal.ts";
import { createContext } from "../../src/graphql/context.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import { type Environment, environments } from "../../src/lib/environment.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer } from "../support/containers.ts";
import { createMemorySources } from "../support/memory-sources.ts";

const schema = createSchema();
const { name } = sampleContainer();

/**
 * Opens a subscription as a token with every right, and returns the check that its stream repeats
 * on the token.
 */
async function openAs(query: string): Promise<(now: Principal) => boolean> {
  const abort = new AbortController();
  const asked: ((now: Principal) => boolean)[] = [];
  const openStream = () => ({
    signal: abort.signal,
    recheck: (ask: (now: Principal) => boolean) => void asked.push(ask),
  });
  const { sources } = createMemorySources({ containers: [sampleContainer()] });
  const contextValue = createContext(sources, { ...createCaller(), openStream });
  const opened = await subscribe({ schema, document: parse(query), contextValue });
  if (!(Symbol.asyncIterator in opened)) throw new Error(JSON.stringify(opened.errors));
  abort.abort("client_gone");
  await opened.return(undefined);
  const [ask, ...more] = asked;
  if (!ask || more.length > 0) throw new Error("a stream asks one question");
  return ask;
}

const without = (scope?: Scope, environment?: Environment) =>
  createCaller(
    scopes.filter((one) => one !== scope),
    environments.filter((one) => one !== environment),
  ).principal;

test("a container's log needs ops:logs and its environment, nothing more", async () => {
  const mayGoOn = await openAs(`subscription { containerLogs(name: "${name}") { ended } }`);
  expect(mayGoOn(without())).toBe(true);
  expect(scopes.filter((scope) => !mayGoOn(without(scope)))).toEqual(["ops:logs"]);
  expect(environments.filter((environment) => !mayGoOn(without(undefined, environment)))).toEqual(["staging"]);
});

test.each([
  'subscription { logs(role: "web") { ended } }',
  "subscription { containerEvents { ended } }",
  "subscription { containers { ended } }",
])("%s continues while the token has every right that it began with", async (query) => {
  const mayGoOn = await openAs(query);
  expect(mayGoOn(without())).toBe(true);
  expect(scopes.filter((scope) => !mayGoOn(without(scope)))).toEqual(scopes);
  expect(environments.filter((environment) => !mayGoOn(without(undefined, environment)))).toEqual(environments);
});

test("a subscription is refused if nothing can be followed", async () => {
  const { sources } = createMemorySources({ containers: [sampleContainer()] });
  const document = parse("subscription { containers { ended } }");
  const refused = await subscribe({ schema, document, contextValue: createContext(sources, createCaller()) });
  expect(refused).toMatchObject({ errors: [{ message: "Subscriptions are not possible here" }] });
});
