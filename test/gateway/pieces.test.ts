import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Container } from "../../src/containers/container.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import { formatRfc3339 } from "../../src/lib/time.ts";
import { sampleContainer } from "../support/containers.ts";
import { sampleRecord } from "../support/deploys.ts";
import { startGateway, token } from "../support/gateway.ts";
import { listHeaviest } from "../support/heaviest-questions.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import type { Question } from "../support/questions.ts";

// Whoever may let others go first always has to: so what is done between two such places is the
// same on every machine.
vi.mock(import("../../src/lib/budget/turns.ts"), async (load) => {
  const turns = await load();
  return { ...turns, createTurns: () => turns.createTurns(0) };
});

/**
 * How many containers a large engine has here, and how many of their fields may be read in one
 * piece for each of them.
 */
const count = 200;
const mostReads = 49;
/** The first documents of a field have most of what is below it. */
const mostDocuments = 4;

let reads = 0;
/** A container of which each read of a field counts. */
function toCounted(index: number): Container {
  const at = formatRfc3339(Date.now() - index * 1_200_000);
  const own = { name: `web-${index}`, version: `v${index % 100}`, createdAt: at, startedAt: at };
  const ended = { status: "exited", finishedAt: formatRfc3339(Date.now() - index * 1_200_000 + 60_000) } as const;
  const container = sampleContainer({ ...own, ...(index % 5 === 0 && ended) });
  return new Proxy(container, {
    get: (target, key) => {
      reads += 1;
      return Reflect.get(target, key) as unknown;
    },
  });
}

const containers = Array.from({ length: count }, (_, index) => toCounted(index));
const { sources } = createMemorySources({
  containers,
  engines: [{ name: "local", ok: true, error: null }],
  deployLogs: [
    {
      origin: "history",
      records: Array.from({ length: 100 }, (_, index) => {
        const deployedAt = formatRfc3339(Date.now() - index * 1_200_000);
        return sampleRecord({ origin: "history", tag: `v${index}`, version: `v${index}`, deployedAt });
      }),
      skipped: 0,
      complete: true,
      error: null,
    },
  ],
});

let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  gateway = await startGateway(sources);
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** Asks; the most reads in one piece of the event loop, for each container. */
async function countReads({ method, path, headers, body }: Question): Promise<number> {
  let [most, before, isOver] = [0, reads, false];
  const look = () => {
    most = Math.max(most, reads - before);
    before = reads;
    if (!isOver) setImmediate(look);
  };
  look();
  const own = { ...headers, authorization: `Bearer ${token}` };
  const response = await fetch(`${gateway.url}${path}`, { method, headers: own, body });
  await response.arrayBuffer();
  isOver = true;
  look();
  return most / count;
}

const questions = Map.groupBy(listHeaviest(), ({ name }) => name);

describe("questions work little on all containers between two turns", () => {
  it("are asked of every root field", () => {
    const fields = Object.keys(createSchema().getQueryType()?.getFields() ?? {}).filter((field) => field !== "node");
    expect(fields.filter((field) => !questions.has(`graphql ${field}`))).toEqual([]);
  });

  it.for([...questions])("as %s", async ([, all], { annotate }) => {
    let most = 0;
    for (const { question } of all.slice(0, mostDocuments)) most = Math.max(most, await countReads(question));
    await annotate(`${most.toFixed(1)} reads of each container in one piece`);
    expect(most).toBeLessThanOrEqual(mostReads);
  });
});
