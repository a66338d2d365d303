import { graphql } from "graphql";
import { describe, expect, it, onTestFinished } from "vitest";
import type { AuditChain } from "../../src/audit/audit.ts";
import { createContext } from "../../src/graphql/context.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import { sampleChain } from "../support/audit.ts";
import { createCaller } from "../support/caller.ts";
import { createMemorySources } from "../support/memory-sources.ts";

const schema = createSchema();
const broken = sampleChain(7, { ok: false, lastSeq: 3, problem: "audit.jsonl: seq 4 is altered" });

async function ask(caller: ReturnType<typeof createCaller>, chain: AuditChain) {
  onTestFinished(() => caller.budget.end());
  const { sources } = createMemorySources();
  const contextValue = createContext({ ...sources, audit: { ...sources.audit, verify: async () => chain } }, caller);
  const source = "{ auditChain { ok firstSeq lastSeq checkedAt problem } }";
  const { data, errors } = await graphql({ schema, source, contextValue });
  return { chain: JSON.parse(JSON.stringify(data?.["auditChain"] ?? null)), message: errors?.[0]?.message };
}

describe("auditChain", () => {
  it("returns the result of the check", async () => {
    expect((await ask(createCaller(), broken)).chain).toEqual(broken);
  });

  it("hides the range of entries from a token of one environment", async () => {
    const caller = createCaller(["ops:read", "ops:operate"], ["staging"]);
    expect((await ask(caller, broken)).chain).toEqual({ ...broken, firstSeq: null, lastSeq: null, problem: null });
  });

  it("needs ops:operate", async () => {
    const { chain, message } = await ask(createCaller(["ops:read", "ops:logs"]), broken);
    expect([chain, message]).toEqual([null, "This token lacks the scope ops:operate"]);
  });
});
