import { graphql } from "graphql";
import { describe, expect, it } from "vitest";
import { createContext } from "../../../src/graphql/context.ts";
import { createSchema } from "../../../src/graphql/schema.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer } from "../../support/containers.ts";
import { sampleDeployInfo } from "../../support/deploys.ts";
import { sampleHost } from "../../support/hosts.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

const schema = createSchema();

async function ask(source: string, memory: Parameters<typeof createMemorySources>[0], caller = createCaller()) {
  const { sources, calls } = createMemorySources(memory);
  const result = await graphql({ schema, source, contextValue: createContext(sources, caller) });
  return { data: JSON.parse(JSON.stringify(result.data ?? null)), errors: result.errors ?? [], calls };
}

const failure = {
  queue: "payouts",
  source: "jobs",
  jobId: "9",
  error: "timeout",
  timestamp: "2026-01-13T09:41:10Z",
  count: 1,
};
const queue = (name: string) => ({ name, source: "jobs", depth: 1, processedPerSec: 0.5, failuresLastHour: 1 });

describe("joins of the graph", () => {
  it("query each upstream once for 50 containers with all joins", async () => {
    const containers = Array.from({ length: 50 }, (_, index) => sampleContainer({ name: `wallet-core-web-${index}` }));
    const { data, errors, calls } = await ask(
      `{ containers { name cpuPct memPct stats { cpuPct pids } deploy { currentTag containers { name } }
           hostMetrics { name } }
         again: containers(includeAccessories: true) { id stats { memPct } }
         one: container(name: "wallet-core-web-7") { name cpuPct } }`,
      { containers, hosts: [sampleHost()] },
    );
    expect(errors).toEqual([]);
    expect(data.containers).toHaveLength(50);
    expect(data.containers[7].deploy.containers).toHaveLength(50);
    expect(data.containers[49].hostMetrics).toEqual({ name: "staging-host-1" });
    expect(calls).toEqual({ list: 1, stats: 50, deploy: 1, hosts: 1 });
  });

  it("query each queue source once for numbers and once for errors", async () => {
    const { data, calls } = await ask(
      "{ queues { name errors { jobId } } " +
        'jobErrors { queue } queueSources { ok } queue(name: "payouts") { errors(first: 1) { error } } }',
      { queueSources: [{ name: "jobs", metrics: [queue("payouts"), queue("empty")], errors: [failure] }] },
    );
    expect(data).toEqual({
      queues: [
        { name: "empty", errors: [] },
        { name: "payouts", errors: [{ jobId: "9" }] },
      ],
      jobErrors: [{ queue: "payouts" }],
      queueSources: [{ ok: true }],
      queue: { errors: [{ error: "timeout" }] },
    });
    expect(calls).toEqual({ metrics: 1, errors: 1 });
  });

  it("have Container.deploy only for the release of the deploy", async () => {
    const containers = [
      sampleContainer({ name: "same-tag" }),
      sampleContainer({ name: "same-commit", version: "abc1234def", commitSha: "abc1234def" }),
      sampleContainer({ name: "older", version: "deploy-1", commitSha: "fff0000" }),
      sampleContainer({ name: "floating", version: "latest", commitSha: "", floating: true }),
      sampleContainer({ name: "redis", kind: "accessory", version: "7-alpine", commitSha: "" }),
    ];
    const { data } = await ask("{ containers(includeAccessories: true) { name version deploy { currentTag } } }", {
      containers,
      deploy: { ...sampleDeployInfo, commitSha: "abc1234def0123" },
    });
    const current = { currentTag: sampleDeployInfo.currentTag };
    expect(data.containers).toEqual([
      { name: "floating", version: sampleDeployInfo.currentTag, deploy: current },
      { name: "older", version: "deploy-1", deploy: null },
      { name: "same-commit", version: "abc1234def", deploy: current },
      { name: "same-tag", version: sampleDeployInfo.currentTag, deploy: current },
      { name: "redis", version: "7-alpine", deploy: null },
    ]);
  });
});
