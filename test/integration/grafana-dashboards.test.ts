import { hostname } from "node:os";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { toAlerting } from "../../script/grafana/alerts.ts";
import { dashboards } from "../../script/grafana/files.ts";
import type { Panel, Target, Variable } from "../../script/grafana/model.ts";
import type { DataFrame } from "../support/grafana-data.ts";
import { numbersOf, transform } from "../support/grafana-frames.ts";
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

const all: Chosen = Object.fromEntries(
  dashboards.flatMap(({ templating }) => templating.list.map(({ name }) => [name, null])),
);
const rowsOf = (frames: readonly DataFrame[]) => frames.reduce((sum, { length }) => sum + length, 0);

const panels = dashboards.flatMap(({ title, panels: own }) =>
  own.flatMap((panel) =>
    (panel.targets ?? []).map((target) => [`${title}: ${panel.title}`, target.refId, panel, target] as const),
  ),
);

// Where no data is no fault, the panel says why in place of "No data".
const mayBeEmpty = ({ type, fieldConfig }: Panel) =>
  type === "timeseries" && "noValue" in (fieldConfig?.defaults ?? {});

it.each(panels.filter(([, , panel]) => mayBeEmpty(panel)))(
  "%s (%s) is answered",
  async (_title, _refId, _panel, target) => {
    await expect(ask(stage.place, target, all)).resolves.toEqual(expect.any(Array));
  },
);

describe("every other query of the dashboards has rows", () => {
  it.each(panels.filter(([, , panel]) => !mayBeEmpty(panel)))("%s (%s)", async (_title, _refId, panel, target) => {
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
  expect(frame && numbersOf(frame)).toHaveLength(1);
}

/**
 * By Grafana's own transformations: the columns in their order under their names, the worst row
 * first.
 */
async function expectTable(
  { transformations = [], fieldConfig }: (typeof panels)[number][2],
  frames: DataFrame[],
): Promise<void> {
  const [sortBy, , organize] = transformations as [any, any, any];
  const [shown] = await transform(transformations, frames);
  const names = shown?.fields.map(({ name, config }) => config.displayName ?? name);
  const { indexByName, renameByName } = organize.options;
  // Fields without a name are hidden, and last.
  expect(names).toEqual(Object.keys(indexByName).map((field) => renameByName[field] ?? field));
  for (const { matcher } of (fieldConfig?.overrides ?? []) as { matcher: { options: string } }[])
    expect(names).toContain(matcher.options);
  const [sorted] = await transform([sortBy], frames);
  const values = sorted?.fields.find(({ name }) => name === sortBy.options.sort[0].field)?.values as (number | null)[];
  expect(values).toBeDefined();
  const known = values.filter((value) => value !== null);
  expect(known).toEqual(known.toSorted((a, b) => (a < b ? 1 : a > b ? -1 : 0)));
}

it("tables show the worst first", async () => {
  for (const [title, field, name] of [
    ["Overview: Queues", "name", "stuck.process"],
    ["Overview: Containers", "container", "unwell"],
  ]) {
    const [, , panel, target] = panels.find(([one]) => one === title) ?? [];
    const [shown] = await transform(panel?.transformations ?? [], await ask(stage.place, target as Target, all));
    expect(shown?.fields.find((one) => one.name === field)?.values[0]).toContain(name);
  }
});

describe("variables and annotations", () => {
  const variables = dashboards.flatMap(({ title, templating }) =>
    templating.list.filter(({ type }) => type === "query").map((one) => [`${title}: ${one.name}`, one] as const),
  );
  const askVariable = async ({ query, datasource }: Variable) => {
    const { infinityQuery } = query as { infinityQuery: Target };
    const [frame] = await ask(stage.place, { ...infinityQuery, datasource: datasource as Target["datasource"] }, all);
    return frame;
  };

  it.each(variables.filter(([, { name }]) => name === "destination"))(
    "%s offers none: no container has one",
    async (_title, one) => {
      expect((await askVariable(one))?.fields.map(({ values }) => values)).toEqual([[]]);
    },
  );

  it.each(variables.filter(([, { name }]) => name !== "destination"))("%s offers names", async (_title, one) => {
    const frame = await askVariable(one);
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
    const [, , , jobs] = panels.find(([title]) => title === "Queues: Queues by state") ?? [];
    const sum = async (chosen: Chosen) =>
      (await ask(stage.place, jobs as Target, { ...all, ...chosen }))
        .flatMap(numbersOf)
        .reduce((rest, { values }) => rest + values.at(-1), 0);
    expect([await sum({ queue: ["payouts"] }), await sum({ env: "PRODUCTION", queue: ["payouts"] })]).toEqual([1, 0]);
    expect(await sum({})).toBeGreaterThan(1);
  });

  it("narrow the tables of containers, by engine too", async () => {
    const [, , , target] = panels.find(([title]) => title === "Containers: Containers") ?? [];
    const names = async (chosen: Chosen) => {
      const [frame] = await ask(stage.place, target as Target, { ...all, ...chosen });
      return frame?.fields.find(({ name }) => name === "container")?.values as readonly string[];
    };
    const web = `${stage.service}-web-latest`;
    expect(await names({})).toContain(web);
    expect((await names({})).length).toBeGreaterThan(1);
    expect(await names({ container: [web] })).toEqual([web]);
    expect(await names({ container: [web], engine: ["another"] })).toEqual([]);
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
      data
        .filter(({ datasourceUid }) => datasourceUid !== "__expr__")
        .map(({ model }) => [title, model.refId, model] as const),
    ),
  );
  const get = (title: string, refId: string) => queries.find(([of, id]) => of === title && id === refId)?.[2] as Target;

  /** What an alert can be made of: one table of one number, or a vector of Prometheus. */
  async function readNumbers(place: typeof stage.place, model: Target) {
    const frames = await ask(place, model, {}, 1 / 6);
    return frames
      .flatMap(numbersOf)
      .flatMap(({ labels, values }) => values.map((value: number) => ({ labels, value })));
  }

  it.each(queries)("%s (%s)", async (_title, _refId, model) => {
    const numbers = await readNumbers(stage.place, model);
    expect(numbers.length).toBeGreaterThan(0);
    for (const { value } of numbers) expect(value).toBeGreaterThanOrEqual(0);
  });

  it("name the hot host, stalled queue and unhealthy container only", async () => {
    const firing = async (title: string) =>
      (await readNumbers(stage.place, get(title, "A"))).filter(({ value }) => value > 0);
    expect((await firing("OpsHostHot")).map(({ labels }) => labels?.["host"])).toEqual([hostname()]);
    expect((await firing("OpsQueueStalled")).map(({ labels }) => labels?.["queue"])).toEqual(["stuck.process"]);
    const unwell = (await firing("OpsContainerUnhealthy")).map(({ labels }) => labels?.["name"]);
    // The engine is shared: containers of other test files stand beside ours.
    expect(unwell.filter((name) => name?.startsWith(stage.service))).toEqual([
      expect.stringMatching(/-worker-.*-unwell$/),
    ]);
  });

  it("fail when the gateway does not answer Grafana, though it is scraped", async () => {
    const title = "OpsGatewayDown";
    const values = async (place: typeof stage.place, refId: string) =>
      (await readNumbers(place, get(title, refId))).map(({ value }) => value);
    expect([await values(stage.place, "A"), await values(stage.place, "B")]).toEqual([[0], [1]]);
    await expect(values({ ...stage.place, token: "ops_expired" }, "B")).rejects.toThrow(/expected 401 to be 200/);
  });
});

it("Infinity's health check passes", async () => {
  const response = await fetch(`${stage.place.url}/graphql?query={__typename}`, {
    headers: {
      "x-ops-strict": "1",
      authorization: `Bearer ${stage.place.token}`,
      accept: "application/json;q=0.9,text/plain",
    },
  });
  expect([response.status, await response.json()]).toEqual([200, { data: { __typename: "Query" } }]);
});

it("the JSON plugin's health check passes", async () => {
  const response = await fetch(`${stage.place.url}/grafana`, {
    headers: { authorization: `Bearer ${stage.place.token}` },
  });
  expect(response.status).toBe(200);
});
