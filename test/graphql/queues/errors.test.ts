import { graphql } from "graphql";
import { describe, expect, it } from "vitest";
import { createContext } from "../../../src/graphql/context.ts";
import { createSchema } from "../../../src/graphql/schema.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import type { JobFailures } from "../../../src/queues/queue.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer } from "../../support/containers.ts";
import { createMemorySources } from "../../support/memory-sources.ts";
import { createRest } from "../../support/rest.ts";

const schema = createSchema();
const limited = createCaller(undefined, ["staging"]);

type Memory = NonNullable<Parameters<typeof createMemorySources>[0]>;

async function ask(source: string, memory: Memory, caller = createCaller(), change: object = {}) {
  const { sources, calls } = createMemorySources(memory);
  const changed = { ...sources, containers: { ...sources.containers, ...change } };
  const result = await graphql({ schema, source, contextValue: createContext(changed, caller) });
  return { data: JSON.parse(JSON.stringify(result.data ?? null)), errors: result.errors ?? [], calls };
}

const failure = (jobId: string, error: string, more: Partial<JobFailures> = {}) => ({
  queue: "payouts",
  source: "jobs",
  jobId,
  error,
  timestamp: "2026-01-13T09:41:10Z",
  count: 1,
  ...more,
});
const payouts = { name: "payouts", failuresLastHour: 3 };
const now = sampleContainer({ name: "now", version: "v2", host: "10.0.0.7-bbbbbbbbbbbb" });
const old = sampleContainer({ name: "old", version: "v1", host: "10.0.0.7-aaaaaaaaaaaa", status: "exited" });
const other = sampleContainer({ name: "other", version: "v9", host: "10.0.0.8-cccccccccccc", env: "production" });
const jobs = {
  name: "jobs",
  env: "staging" as const,
  metrics: [payouts],
  errors: [
    failure("3", "timeout after 31 ms for user 4711", { worker: now.host, count: 3 }),
    failure("2", "timeout after 9 ms for user 12", { worker: "10_0_0_7-aaaaaaaaaaaa", count: 2 }),
    failure("1", "timeout after 7 ms for user 1", { worker: other.host }),
  ],
};
const releases = "{ version count }";

describe("errors and the releases that they hit", () => {
  const memory = { containers: [now, other], retired: [old], queueSources: [jobs] };
  const query =
    '{ queue(name: "payouts") ' +
    `{ failuresByRelease ${releases} errors { error count fingerprint releases ${releases} } } }`;

  it("are the newest `first` groups", async () => {
    const errors = [
      failure("2", "disk is full"),
      { ...failure("1", "no such user"), timestamp: "2026-01-13T09:40:00Z" },
    ];
    const all = await ask("{ one: jobErrors(first: 1) { error } two: jobErrors(first: 2) { error } }", {
      queueSources: [{ ...jobs, errors }],
    });
    expect([all.data.one.length, all.data.two.length]).toEqual([1, 2]);
    const both = await ask(
      '{ queue(name: "payouts") { one: errors(first: 1) { error } two: errors(first: 2) { error } } }',
      {
        queueSources: [{ ...jobs, errors }],
      },
    );
    expect(both.data.queue).toEqual({
      one: [{ error: "disk is full" }],
      two: [{ error: "disk is full" }, { error: "no such user" }],
    });
  });

  it("lead from the worker's host name to its container, even an old one", async () => {
    const { data, errors, calls } = await ask(query, memory);
    const hit = [
      { version: "v2", count: 3 },
      { version: "v1", count: 2 },
      { version: "v9", count: 1 },
    ];
    expect(errors).toEqual([]);
    expect(data.queue).toEqual({
      failuresByRelease: hit,
      errors: [{ error: "timeout after 31 ms for user 4711", count: 6, fingerprint: "1bbf425cd8c0", releases: hit }],
    });
    expect(calls).toEqual({ metrics: 1, errors: 1, list: 1, retired: 1 });
  });

  it("name no release of a container that the token may not see", async () => {
    const { data } = await ask(query, memory, limited);
    expect(data.queue.failuresByRelease).toEqual([
      { version: "v2", count: 3 },
      { version: "v1", count: 2 },
      { version: null, count: 1 },
    ]);
  });

  it("query no engine without workers, and continue without a silent one", async () => {
    const unnamed = { ...jobs, errors: [failure("1", "boom")] };
    expect((await ask(query, { ...memory, queueSources: [unnamed] })).calls).toEqual({ metrics: 1, errors: 1 });
    const { data } = await ask(query, memory, createCaller(), { list: () => new Promise(() => {}) });
    expect(data.queue.failuresByRelease).toEqual([{ version: null, count: 6 }]);
    const failed = { list: () => Promise.reject(new OpsError("docker_error", "no")) };
    expect((await ask(query, memory, createCaller(), failed)).data.queue.failuresByRelease).toEqual([
      { version: null, count: 6 },
    ]);
  });

  it("are null for an unreadable queue, beside its numbers", async () => {
    const locked = { ...jobs, errors: new OpsError("queue_locked", "locked") };
    const { data, errors } = await ask(`{ queues { name errors { error } failuresByRelease ${releases} } }`, {
      queueSources: [locked],
    });
    expect(data.queues).toEqual([{ name: "payouts", errors: null, failuresByRelease: null }]);
    expect(errors).toHaveLength(2);
  });

  it("are added to GET /queues after the documented fields", async () => {
    const { get } = createRest(createMemorySources(memory).sources);
    const [error] = JSON.parse((await get("/queues")).body).errors;
    const hits = [3, 2, 1].map((count, index) => {
      const version = ["v2", "v1", "v9"][index];
      return `{"version":"${version}","service":"wallet-core-staging","destination":null,"count":${count}}`;
    });
    expect(JSON.stringify(error)).toBe(
      '{"queue":"payouts","job_id":"3","error":"timeout after 31 ms for user 4711",' +
        '"timestamp":"2026-01-13T09:41:10Z","count":6,' +
        '"fingerprint":"1bbf425cd8c0","first_seen":"2026-01-13T09:41:10Z","attempts":null,"job_ids":["3","2","1"],' +
        `"releases":[${hits.join()}],"complete":true}`,
    );
  });
});

describe("errorGroups", () => {
  const river = {
    name: "river",
    env: "production" as const,
    metrics: [],
    errors: [
      failure("9", "timeout after 1 ms for user 2", {
        source: "river",
        queue: "mail",
        count: 4,
        lastAt: "2026-01-13T09:45:00Z",
      }),
      failure("8", "refused", { source: "river", queue: "mail", attempts: 3 }),
    ],
  };
  const memory = { queueSources: [jobs, river], containers: [now], retired: [old] };
  const query = (args = "") =>
    `{ errorGroups${args} { error count complete firstSeen ` +
    `lastSeen attempts queues { name source count } releases ${releases} jobs { queue source jobId } } }`;

  it("has each error once over all queues and sources, newest first", async () => {
    const { data } = await ask(query(), memory);
    expect(data.errorGroups).toMatchObject([
      {
        error: "timeout after 1 ms for user 2",
        count: 10,
        complete: true,
        firstSeen: "2026-01-13T09:41:10Z",
        lastSeen: "2026-01-13T09:45:00Z",
        attempts: null,
        queues: [
          { name: "payouts", source: "jobs", count: 6 },
          { name: "mail", source: "river", count: 4 },
        ],
        releases: [
          { version: null, count: 5 },
          { version: "v2", count: 3 },
          { version: "v1", count: 2 },
        ],
        jobs: [{ queue: "mail", source: "river", jobId: "9" }, { jobId: "3" }, { jobId: "2" }, { jobId: "1" }],
      },
      { error: "refused", count: 1, attempts: 3, queues: [{ name: "mail" }] },
    ]);
    expect((await ask(query("(first: 1)"), memory)).data.errorGroups).toHaveLength(1);
    expect((await ask(query("(first: 0)"), memory)).errors).toMatchObject([
      { originalError: { code: "invalid_request" } },
    ]);
  });

  it("can be limited to one environment, and always is to the token's", async () => {
    const counts = async (args: string, caller = createCaller()) =>
      (await ask(query(args), memory, caller)).data.errorGroups?.map(({ count }: { count: number }) => count);
    expect(await counts("(env: PRODUCTION)")).toEqual([4, 1]);
    expect(await counts("(env: STAGING)")).toEqual([6]);
    expect(await counts("", limited)).toEqual([6]);
    const { errors } = await ask(query("(env: PRODUCTION)"), memory, limited);
    expect(errors).toMatchObject([{ originalError: { code: "forbidden" } }]);
  });
});
