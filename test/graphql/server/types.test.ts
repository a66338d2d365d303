import { graphql } from "graphql";
import { describe, expect, it } from "vitest";
import manifest from "../../../package.json" with { type: "json" };
import { createContext } from "../../../src/graphql/context.ts";
import { createSchema } from "../../../src/graphql/schema.ts";
import { formatRfc3339 } from "../../../src/lib/time.ts";
import { createCaller } from "../../support/caller.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

const schema = createSchema();

async function query(source: string, caller = createCaller(), sources = createMemorySources().sources) {
  const { data, errors } = await graphql({ schema, source, contextValue: createContext(sources, caller) });
  return {
    data: data as any,
    codes: (errors ?? []).map(({ originalError }) => (originalError as { code?: string }).code),
  };
}

describe("viewer", () => {
  const all = "{ viewer { subject kid scopes environments everyEnvironment expiresAt } }";

  it("is the holder of the token, with sorted rights", async () => {
    const { data } = await query(all);
    expect(data.viewer).toEqual({
      subject: "test",
      kid: "test",
      scopes: ["ops:introspect", "ops:logs", "ops:operate", "ops:read"],
      environments: ["STAGING", "PRODUCTION"],
      everyEnvironment: true,
      expiresAt: null,
    });
  });

  it("names when the token expires, and the environments that it lists", async () => {
    const caller = createCaller(["ops:read"], ["production"]);
    const principal = { ...caller.principal, expiresAt: Date.parse("2026-02-01T00:00:00Z") };
    const { data } = await query(all, { ...caller, principal });
    expect(data.viewer).toMatchObject({
      environments: ["PRODUCTION"],
      everyEnvironment: false,
      expiresAt: "2026-02-01T00:00:00Z",
    });
  });

  it.each([[[]], [["ops:logs"]], [["ops:operate"]]] as const)("answers a token with the scopes %j", async (scopes) => {
    const { data, codes } = await query("{ viewer { scopes } server { version } }", createCaller(scopes));
    expect(data).toEqual({ viewer: { scopes }, server: null });
    expect(codes).toEqual(["forbidden"]);
  });
});

describe("server", () => {
  it("names its version, its start and what it allows", async () => {
    const { sources } = createMemorySources({}, { restartEnabled: true, jobsEnabled: false, healthExecEnabled: true });
    const fields = "{ server { version startedAt services restartEnabled jobsEnabled healthExecEnabled } }";
    const { data } = await query(fields, createCaller(["ops:read"]), sources);
    expect(data.server).toEqual({
      version: `${manifest.version}+sources`,
      startedAt: formatRfc3339(performance.timeOrigin),
      services: ["wallet-core"],
      restartEnabled: true,
      jobsEnabled: false,
      healthExecEnabled: true,
    });
  });
});
