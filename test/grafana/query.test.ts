import { describe, expect, it, vi } from "vitest";
import type { Answer } from "../../src/grafana/metric.ts";
import { getMetric } from "../../src/grafana/metrics.ts";
import { parseQuery, runQuery } from "../../src/grafana/query.ts";
import type { Execute } from "../../src/graphql/execute.ts";
import { type ErrorCode, OpsError } from "../../src/lib/errors.ts";
import { createCaller } from "../support/caller.ts";

const now = Date.parse("2026-01-13T10:00:00Z");
const range = { from: "2026-01-13T09:00:00Z", to: "2026-01-13T10:00:00Z" };
const host = { host: "a", status: "up" };

interface Given {
  readonly data?: Partial<Answer>;
  readonly errors?: readonly OpsError[];
  readonly rejects?: Error;
}

/**
 * Frames of a panel with these targets; the document of each metric has the answer that is given by
 * its name.
 */
async function run(answers: Readonly<Record<string, Given>>, body: object = {}) {
  const asked = vi.fn<(name: string, variables: any) => void>();
  const execute = ((document: object, variables: object) => ({
    run: async () => {
      const name = Object.keys(answers).find((one) => getMetric(one).document === document) ?? "";
      asked(name, variables);
      const { data, errors = [], rejects } = answers[name] ?? {};
      if (rejects) throw rejects;
      return { data: data ?? null, errors };
    },
  })) as unknown as Execute;
  const targets = Object.keys(answers).map((target, index) => ({ refId: "ABCD"[index], target }));
  const frames = await runQuery(parseQuery({ range, targets, ...body }, now), execute, createCaller());
  return { frames, asked };
}

const failed = (code: ErrorCode, message: string = code): Given => ({ errors: [new OpsError(code, message)] });
const notices = (frames: Awaited<ReturnType<typeof run>>["frames"]) =>
  frames.map(({ schema }) => [schema.refId, schema.name, schema.meta?.notices]);

describe("targets that all fail", () => {
  it.each<[string, ErrorCode, ErrorCode, ErrorCode]>([
    ["an upstream's failure before a refusal", "forbidden", "postgres_unavailable", "postgres_unavailable"],
    ["in either order", "prometheus_unavailable", "forbidden", "prometheus_unavailable"],
    ["the first of equally severe ones", "prometheus_unavailable", "query_timeout", "prometheus_unavailable"],
    ["the first refusal", "forbidden", "answer_too_large", "forbidden"],
  ])("are one error: %s", async (_, hosts, queues, code) => {
    await expect(run({ hosts: failed(hosts), queues: failed(queues) })).rejects.toMatchObject({ code });
  });

  it("are frames with an error each when one succeeds", async () => {
    const { frames } = await run({
      hosts: failed("forbidden", "not yours"),
      engines: { data: { rows: [{ engine: "a" }] } },
      queues: { rejects: new Error("secret") },
    });
    expect(notices(frames)).toEqual([
      ["A", "hosts", [{ severity: "error", text: "hosts: not yours" }]],
      ["B", "engines", undefined],
      ["C", "queues", [{ severity: "error", text: "queues: Internal error" }]],
    ]);
  });

  it.each(["deploys", "alerts", "queue_errors", "queue_depth"])(
    "are the error of the only target, %s",
    async (name) => {
      await expect(run({ [name]: failed("forbidden", "not yours") })).rejects.toMatchObject({
        code: "forbidden",
        message: "not yours",
      });
    },
  );

  it("are frames with an error each when they are wrong themselves", async () => {
    const targets = [
      { refId: "A", target: "queue_depht" },
      { refId: "B", target: "hosts" },
      { refId: "C", target: "hosts", payload: { step: "soon" } },
    ];
    const { frames } = await run({ hosts: { data: { rows: [host] } } }, { targets });
    expect(frames.map(({ schema }) => [schema.refId, schema.name, schema.meta?.notices?.[0]?.severity])).toEqual([
      ["A", '"queue_depht"', "error"],
      ["B", "hosts", undefined],
      ["C", "hosts", "error"],
    ]);
    expect(frames[0]?.schema.meta?.notices?.[0]?.text).toMatch(
      /^Unknown metric "queue_depht"; known: containers, .*, up$/,
    );
    await expect(run({}, { targets: targets.slice(0, 1) })).rejects.toMatchObject({ code: "invalid_request" });
  });

  it("are empty when there is no target", async () => {
    expect((await run({})).frames).toEqual([]);
  });
});

describe("notices beside rows", () => {
  it("are warnings for failures, once each, and notes for unknown data", async () => {
    const problem = { code: "postgres_unavailable", message: "away" };
    const payload = { queue: "mail", other: 1 };
    const { frames } = await run(
      {
        queue_depth: {
          data: {
            rows: [{ time: "2026-01-13T09:30:00Z", queue: "mail", source: "jobs", value: 1 }],
            parts: [
              { name: "jobs", since: "2026-01-13T09:20:00Z", error: null },
              { name: "gone", since: null, error: problem },
              // That it is not supported is nothing that the panel lacks.
              { name: "old", error: { code: "queue_unsupported", message: "Detected, but not supported" } },
            ],
            problems: [problem, { code: "docker_error", message: "broken" }],
          },
          errors: [new OpsError("internal", "broken"), new OpsError("internal", "odd")],
        },
      },
      { targets: [{ refId: "A", target: "queue_depth", payload }] },
    );
    expect(notices(frames)).toEqual([
      [
        "A",
        "queue_depth",
        [
          ...["gone: away", "away", "broken", "odd"].map((text) => ({ severity: "warning", text })),
          { severity: "info", text: "jobs: known since 2026-01-13T09:20:00Z" },
          {
            severity: "info",
            text: "Unknown payload key other; known: queue, source, env, step",
          },
        ],
      ],
    ]);
  });

  it("say from when the timeline and the deploys are known", async () => {
    const entry = { time: "2026-01-13T09:30:00Z", kind: "health", message: "web is unhealthy", to: "unhealthy" };
    const cover = (kind: string, known: boolean, since: string | null = null, note: string | null = null) => ({
      kind,
      known,
      since,
      sampled: kind === "health",
      note,
    });
    const coverage = [
      cover("deploy", false, null, "no file"),
      cover("restart", false),
      cover("oom_kill", true, "2026-01-13T09:00:00Z"),
      cover("health", true, "2026-01-13T09:00:01Z", "only lately"),
      cover("host_alert", true, "2026-01-13T09:00:01Z"),
      cover("container_death", true, "2026-01-13T09:00:02Z", "not heard: web-2"),
    ];
    const told = [
      "deploy: nothing is known (no file)",
      "restart: nothing is known",
      "health, host_alert: known since 2026-01-13T09:00:01Z",
      "container_death: known since 2026-01-13T09:00:02Z; not heard: web-2",
    ];
    const of = async (truncated: boolean) => {
      const { frames } = await run({ alerts: { data: { rows: { entries: [entry], truncated, coverage } } } });
      return frames[0]?.schema.meta?.notices?.map(({ text }) => text);
    };
    expect(await of(false)).toEqual(told);
    expect(await of(true)).toEqual(["Only the newest 500 of this range", ...told]);
    const deploys = async (count: number) => {
      const rows = Array.from({ length: count }, () => ({
        time: entry.time,
        tag: "v1",
        deployed_by: null,
        state: "previous",
      }));
      return (await run({ deploys: { data: { rows: { nodes: rows } } } })).frames[0]?.schema.meta;
    };
    expect(await deploys(99)).toBeUndefined();
    expect((await deploys(100))?.notices).toEqual([{ severity: "info", text: "Only the newest 100 of this range" }]);
  });
});

describe("annotation rows", () => {
  /** The cells of some columns, row by row. */
  const cells = async (name: string, rows: unknown, columns: readonly string[], parts?: Answer["parts"]) => {
    const { frames } = await run({ [name]: { data: { rows: rows as never, ...(parts && { parts }) } } });
    const { schema, data } = frames[0] as (typeof frames)[number];
    const found = columns.map((column) => data.values[schema.fields.findIndex((field) => field.name === column)]);
    return found[0]?.map((_, index) => found.map((values) => values?.[index]));
  };
  const at = (minute: number) => new Date(Date.parse(range.from) + minute * 60_000).toISOString();
  const ms = (minute: number) => Date.parse(at(minute));

  it("of deploys are sorted, oldest first", async () => {
    const rows = [
      { time: at(9), tag: "v3", deployed_by: "kim", state: "current" },
      { time: at(1), tag: "v1", deployed_by: null, state: "older" },
      { time: at(5), tag: "v2", deployed_by: "", state: "failed" },
    ];
    expect(await cells("deploys", { nodes: rows }, ["time", "title", "text", "tags", "tag", "deployed_by"])).toEqual([
      [ms(1), "Deploy", "v1", "deploy,older", "v1", null],
      [ms(5), "Failed deploy", "v2", "deploy,failed", "v2", ""],
      [ms(9), "Deploy", "v3 by kim", "deploy,current", "v3", "kim"],
    ]);
  });

  it("of the timeline are unrequested and unhealthy events, oldest first", async () => {
    const entry = (minute: number, to: string | null, requested = false) => {
      return { time: at(minute), kind: "health", message: `to ${to}`, to, requested };
    };
    const entries = [
      entry(8, "unhealthy"),
      entry(7, "healthy"),
      entry(6, "starting"),
      entry(5, "ok"),
      entry(4, "stalled", true),
      entry(3, "stalled"),
      entry(2, null),
    ];
    expect(
      await cells("alerts", { entries, truncated: false, coverage: [] }, ["time", "title", "text", "tags", "to"]),
    ).toEqual([
      [ms(2), "Container unhealthy", "to null", "health", null],
      [ms(3), "Container unhealthy", "to stalled", "health", "stalled"],
      [ms(8), "Container unhealthy", "to unhealthy", "health", "unhealthy"],
    ]);
  });

  it("without an environment have that of their source, in order", async () => {
    const rows = [
      { queue: "b", source: "jobs" },
      { queue: "a", source: "other" },
      { queue: "c", source: "unknown" },
      { queue: "d", source: "jobs", env: "own" },
    ];
    const parts = [{ name: "jobs", env: "staging" }, { name: "other" }];
    expect(await cells("queues", rows, ["queue", "env"], parts)).toEqual([
      ["b", "staging"],
      ["a", null],
      ["c", null],
      ["d", "own"],
    ]);
    expect(
      await cells(
        "queue_errors",
        [
          { time: at(2), error: "b" },
          { time: at(1), error: "a" },
        ],
        ["error"],
      ),
    ).toEqual([["a"], ["b"]]);
    expect(await cells("engines", { engine: "only", ok: true }, ["engine", "ok"])).toEqual([["only", true]]);
  });
});

describe("the variables of a metric's document", () => {
  const variablesOf = async (payload: object, body: object = {}) => {
    const targets = [{ refId: "A", target: "hosts", payload }];
    const { asked } = await run({ hosts: { data: { rows: [host] } } }, { targets, ...body });
    return asked.mock.calls[0]?.[1];
  };

  it("have the range and the points of the panel", async () => {
    expect(await variablesOf({})).toEqual({
      from: "2026-01-13T09:00:00.000Z",
      to: "2026-01-13T10:00:00.000Z",
      step: null,
      maxPoints: 500,
      includeAccessories: false,
      oneEnv: null,
      oneDestination: null,
      env: null,
      kinds: null,
      alerts: ["container_death", "oom_kill", "health", "queue_state", "host_alert"],
      queues: null,
      sources: null,
      hosts: null,
      containers: null,
      roles: null,
      destinations: null,
    });
    expect(await variablesOf({ step: "5m", accessories: "true" }, { maxDataPoints: 20_000 })).toMatchObject({
      step: 300,
      includeAccessories: true,
      maxPoints: 11_000,
    });
    expect(await variablesOf({}, { maxDataPoints: 10_999 })).toMatchObject({ maxPoints: 10_999 });
  });

  it.each([
    ["60", 61, 60, undefined],
    ["60", 60, null, "The step of 60 s is too short for 60 points; a longer one is used"],
    ["5m", 12, null, "The step of 300 s is too short for 12 points; a longer one is used"],
    ["5m", 13, 300, undefined],
  ])("have the step %s for %i points: %s", async (step, maxDataPoints, used, text) => {
    const { frames, asked } = await run(
      { hosts: { data: { rows: [host] } } },
      { targets: [{ refId: "A", target: "hosts", payload: { step } }], maxDataPoints },
    );
    expect(asked.mock.calls[0]?.[1].step).toBe(used);
    expect(frames[0]?.schema.meta?.notices?.map((notice) => notice.text)[0]).toBe(text);
  });

  it.each([
    [{ env: "PRODUCTION" }, "production", null],
    [{ env: ["staging"], destination: "beta" }, "staging", "beta"],
    [{ env: "qa" }, null, null],
    [{ env: ["staging", "production"], destination: ["a", "b"] }, null, null],
  ])("have the only environment and destination of %o", async (payload, oneEnv, oneDestination) => {
    expect(await variablesOf(payload)).toMatchObject({ oneEnv, oneDestination });
  });

  it("have the kinds of alerts that are asked for", async () => {
    expect(await variablesOf({ kind: ["oom_kill", "host", "deploy"] })).toMatchObject({
      alerts: ["oom_kill"],
      kinds: ["host"],
    });
  });

  it("have each list of names, without values that an enum lacks", async () => {
    const payload = {
      queue: ["q1", "q2"],
      source: "s",
      host: "h",
      container: "c",
      role: "r",
      destination: "d",
      env: ["staging", "qa"],
      kind: ["engine", "planet"],
    };
    expect(await variablesOf(payload)).toMatchObject({
      queues: ["q1", "q2"],
      sources: ["s"],
      hosts: ["h"],
      containers: ["c"],
      roles: ["r"],
      destinations: ["d"],
      env: ["staging"],
      kinds: ["engine"],
    });
  });

  it("take names from the payload, else from an ad hoc filter with =", async () => {
    const filter = (operator: string, value: string) => ({ key: "queue", operator, value });
    const queues = async (...filters: readonly object[]) => (await variablesOf({}, { filters })).queues;
    expect(await queues(filter("=", "a"))).toEqual(["a"]);
    expect(await queues({ ...filter("=|", ""), values: ["a", "b"] })).toEqual(["a", "b"]);
    for (const operator of ["!=", "=~", "!~", "<", ">", "!=|"])
      expect(await queues(filter(operator, "a")), operator).toBeNull();
    expect(await queues(filter("!=", "a"), filter("=", "b"))).toEqual(["b"]);
    expect((await variablesOf({ queue: "p" }, { filters: [filter("=", "a")] })).queues).toEqual(["p"]);
  });
});

it("a panel reads at most four metrics at once", async () => {
  let [reading, most] = [0, 0];
  const names = ["hosts", "queues", "engines", "containers", "host_load1", "queue_depth"];
  const execute = (() => ({
    run: async () => {
      reading += 1;
      most = Math.max(most, reading);
      await new Promise((resolve) => setImmediate(resolve));
      reading -= 1;
      return { data: { rows: [] }, errors: [] };
    },
  })) as unknown as Execute;
  const targets = names.map((target) => ({ target }));
  expect(await runQuery(parseQuery({ range, targets }, now), execute, createCaller())).toEqual([]);
  expect(most).toBe(4);
});
