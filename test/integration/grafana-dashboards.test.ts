import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { DataFrame } from "@grafana/data";
import { toAlerting } from "../../script/grafana/alerts.ts";
import { dashboards } from "../../script/grafana/files.ts";
import type { Target } from "../../script/grafana/model.ts";
import { transform } from "../support/grafana-frames.ts";
import { ask, type Chosen } from "../support/grafana-queries.ts";
import { createGrafanaStage } from "../support/grafana-stage.ts";

let stage: Awaited<ReturnType<typeof createGrafanaStage>>;

beforeAll(async () => {
  const [dockerSocket, postgresUrl] = [inject("dockerSocket"), inject("postgresUrl")];
  stage = await createGrafanaStage({
    dockerSocket,
    postgresUrl,
    prometheusUrl: inject("prometheusUrl"),
    runFolder: inject("runFolder"),
  });
});
afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

const all: Chosen = { env: null, queue: null, role: null, container: null, host: null };
const rowsOf = (frames: readonly DataFrame[]) => frames.reduce((sum, { length }) => sum + length, 0);

const panels = dashboards.flatMap(({ title, panels: own }) =>
  own.flatMap((panel) =>
    (panel.targets ?? []).map((target) => [`${title}: ${panel.title}`, target.refId, panel, target] as const),
  ),
);

describe("every query of the dashboards has rows", () => {
  it.each(panels)("%s (%s)", async (_title, _refId, panel, target) => {
    const frames = await ask(stage.place, target, all);
    expect(rowsOf(frames)).toBeGreaterThan(0);
    if (target["format"] === "timeseries") expectLong(frames[0]);
    if (panel.type === "table") await expectTable(panel, frames);
  });
});

/** Grafana can only make it wide when it ascends and has a number. */
function expectLong(frame: DataFrame | undefined): void {
  const times = frame?.fields.find(({ name }) => name === "time")?.values ?? [];
  expect(times).toEqual(times.toSorted((a: number, b: number) => a - b));
  expect(times).not.toContain(null);
  expect(frame?.fields.filter(({ type }) => type === "number")).toHaveLength(1);
}

/** By Grafana's own transformations: the columns in their order under their names, the worst row first. */
async function expectTable(
  { transformations = [], fieldConfig }: (typeof panels)[number][2],
  frames: DataFrame[],
): Promise<void> {
  const [sortBy, , organize] = transformations as [any, any, any];
  const [shown] = await transform(transformations, frames);
  const names = shown?.fields.map(({ name, config }) => config.displayName ?? name);
  expect(names).toEqual(Object.values(organize.options.renameByName));
  for (const { matcher } of fieldConfig?.overrides as { matcher: { options: string } }[])
    expect(names).toContain(matcher.options);
  const [sorted] = await transform([sortBy], frames);
  const values = sorted?.fields.find(({ name }) => name === sortBy.options.sort[0].field)?.values as (number | null)[];
  expect(values).toBeDefined();
  const known = values.filter((value) => value !== null);
  expect(known).toEqual(known.toSorted((a, b) => (a < b ? 1 : a > b ? -1 : 0)));
}

describe("variables and annotations", () => {
  const variables = dashboards.flatMap(({ title, templating }) =>
    templating.list.filter(({ type }) => type === "query").map((one) => [`${title}: ${one.name}`, one] as const),
  );

  it.each(variables)("%s offers names", async (_title, { query, datasource }) => {
    const { infinityQuery } = query as { infinityQuery: Target };
    const [frame] = await ask(stage.place, { ...infinityQuery, datasource: datasource as Target["datasource"] }, all);
    expect(frame?.fields).toHaveLength(1);
    expect(frame?.fields[0]?.values[0]).toEqual(expect.any(String));
  });

  it.each(dashboards.map((one) => [one.title, one] as const))(
    "%s: the deploys are marked on its graphs",
    async (_title, { annotations }) => {
      const { target } = annotations.list.find(({ name }) => name === "Deploys") as unknown as { target: Target };
      const [frame] = await ask(stage.place, target, all);
      const read = (name: string) => frame?.fields.find((field) => field.name === name);
      expect(read("time")?.type).toBe("time");
      expect(read("time")?.values[0]).toBeGreaterThan(Date.now() - 3_600_000);
      expect(read("title")?.values).toContain("deploy-20260110-130322-prod");
      expect(read("text")?.values).toContain("ops-user");
    },
  );

  it("narrow what is asked", async () => {
    const [, , , depth] = panels.find(([title]) => title === "Queues: Waiting jobs") ?? [];
    const [frame] = await ask(stage.place, depth as Target, { ...all, queue: ["payouts"] });
    expect(new Set(frame?.fields.find(({ name }) => name === "queue")?.values)).toEqual(new Set(["payouts"]));
    const [, , , times] = panels.find(([title]) => title === "Queues: Waiting and running times") ?? [];
    const [table] = await ask(stage.place, times as Target, { ...all, queue: ["payouts"] });
    expect(table?.fields.find(({ name }) => name === "queue")?.values).toEqual(["payouts"]);
  });
});

describe("every alert rule has its numbers", () => {
  interface Rule {
    readonly title: string;
    readonly data: readonly { datasourceUid: string; model: Target }[];
  }
  const { groups } = toAlerting() as { groups: readonly { rules: readonly Rule[] }[] };
  const queries = groups.flatMap(({ rules }) =>
    rules.flatMap(({ title, data }) =>
      data.filter(({ datasourceUid }) => datasourceUid !== "__expr__").map(({ model }) => [title, model.refId, model] as const),
    ),
  );
  const expected: Readonly<Record<string, number>> = {
    "Host hot or down A": 0,
    "Container unhealthy or in a restart loop A": 0,
    "Queue stalled A": 0,
    "Failures up since the deploy A": 0,
    "Release drift A": 0,
    "Upstream of the gateway down A": 0,
    "Upstream of the gateway down B": 0,
    "Upstream of the gateway down H": 1,
  };

  it.each(queries)("%s (%s)", async (title, refId, model) => {
    const frames = await ask(stage.place, model, {}, 1 / 6);
    // Either one table of one number, or a vector of Prometheus: what an alert can be made of.
    const numbers = frames.flatMap(({ fields }) => fields.filter(({ type }) => type === "number"));
    const values = numbers.flatMap((field) => [...field.values] as number[]);
    expect(values.length).toBeGreaterThan(0);
    expect(
      values.every((value) => value === expected[`${title} ${refId}`]),
      JSON.stringify(values),
    ).toBe(true);
  });

  it("says with a status that an upstream cannot be asked, so that the rule fails and alerts", async () => {
    const response = await fetch(`${stage.place.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-ops-strict": "1", authorization: `Bearer ${stage.place.token}` },
      body: JSON.stringify({ query: "{ auditLog { seq } }", variables: null }),
    });
    expect(response.status).toBe(403);
  });
});

it("passes Infinity's health check", async () => {
  const response = await fetch(`${stage.place.url}/graphql?query={__typename}`, {
    headers: { "x-ops-strict": "1", authorization: `Bearer ${stage.place.token}`, accept: "application/json;q=0.9,text/plain" },
  });
  expect([response.status, await response.json()]).toEqual([200, { data: { __typename: "Query" } }]);
});

it("passes the JSON plugin's", async () => {
  const response = await fetch(`${stage.place.url}/grafana`, { headers: { authorization: `Bearer ${stage.place.token}` } });
  expect(response.status).toBe(200);
});
