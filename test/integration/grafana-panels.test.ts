import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { drawDashboards } from "../../script/grafana/draw/draw.ts";
import { type EmptyPanels, findFaults } from "../../script/grafana/draw/judge.ts";
import type { DrawnDashboard } from "../../script/grafana/draw/report.ts";
import { startScrape } from "../../script/grafana/draw/scrape.ts";
import { dashboards } from "../../script/grafana/files.ts";
import { createClient } from "../../src/client/client.ts";
import { breakDashboard } from "../support/broken-dashboard.ts";
import { startDemo } from "../support/demo.ts";
import { until } from "../support/until.ts";

// Every dashboard as Grafana's own packages draw it, on the demo's incident. The pictures stay in
// this folder.
const out = "test-results/grafana";
const uids = dashboards.map(({ uid }) => uid);
const broken = breakDashboard(dashboards[0] as (typeof dashboards)[number]);

/** What has nothing to show in the demo. */
const empty: EmptyPanels = {
  "ops-overview: Alerts": "Grafana fills it from its own alerting, which is not drawn",
  "ops-containers: Held back by a CPU limit": "no container of the demo has a CPU limit",
  "ops-deploys: What drifted": "every container of the demo runs the release that was deployed",
};

let stack: AsyncDisposableStack;
let drawn: readonly DrawnDashboard[];

interface Things {
  readonly timeline: { readonly nodes: readonly object[] };
  readonly errorGroups: readonly { readonly error: string }[];
}

beforeAll(async () => {
  stack = new AsyncDisposableStack();
  const demo = startDemo("--incident");
  stack.defer(async () => {
    demo.interrupt();
    await demo.exit;
  });
  await until(() => demo.ended() || demo.output().includes("Ctrl-C stops everything"), 170_000);
  const [, url = "", token = ""] = /Console: +(\S+)\/#token=(\S+)/.exec(demo.output()) ?? [];
  const folder = mkdtempSync(join(tmpdir(), "ops-panels-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const client = createClient({ url, token });
  // Until a container of the incident has ended, and a job has failed.
  const query = "{ timeline(first: 1, kinds: [CONTAINER_DEATH]) { nodes { message } } errorGroups { error } }";
  const [prometheusUrl] = await Promise.all([
    startScrape(folder, { url, token }, stack),
    until(async () => {
      const { timeline, errorGroups } = await client.query<Things, object>(query);
      return timeline.nodes.length > 0 && errorGroups.some(({ error }) => error.includes("serialization"));
    }, 90_000),
  ]);
  const upstreams = { url, token, prometheusUrl };
  drawn = await drawDashboards({ dashboards: [...dashboards, broken], upstreams, out, from: "now-1h" });
}, 600_000);

afterAll(async () => {
  await stack.disposeAsync();
}, 60_000);

const find = (uid: string) => drawn.filter((one) => one.uid === uid);

it.each(dashboards)("$title draws every panel in whole", ({ uid, panels }) => {
  expect(
    findFaults(find(uid), uids, Object.fromEntries(Object.entries(empty).filter(([name]) => name.startsWith(uid)))),
  ).toEqual([]);
  const ids = panels.filter(({ type }) => type !== "row").map(({ id }) => id);
  expect(find(uid).flatMap((one) => one.panels.map(({ id }) => id))).toEqual(ids);
  expect(existsSync(`${out}/${uid}.png`)).toBe(true);
});

it("a table of every dashboard has a column that is marked as text", () => {
  const withText = drawn.filter(({ panels }) => panels.some(({ columns }) => columns.some(({ isText }) => isText)));
  expect(withText.map(({ uid }) => uid)).toEqual(expect.arrayContaining(uids));
});

it("a drawing shows every fault that a dashboard may have", () => {
  const title = "A title that does not fit into its panel's width at all";
  const faults = findFaults(find("broken"), uids).map((fault) =>
    fault.replace(/(status code : 400|parse error|link \/d\/nowhere).*/s, "$1"),
  );
  expect(faults).toEqual([
    "broken: Refused query: unsuccessful HTTP response code. status code : 400",
    'broken: Wrong PromQL: invalid parameter "query": 1:5: parse error',
    "broken: No series: empty: No data",
    "broken: Unknown panel: Panel plugin not found: nothing",
    "broken: Cut text: the column Queue is cut: webhook.aella.process",
    "broken: Lost link: no dashboard is at the link /d/nowhere",
    `broken: ${title}: its title is cut`,
  ]);
});
