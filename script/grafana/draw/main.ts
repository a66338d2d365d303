import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { dashboards } from "../files.ts";
import { drawDashboards } from "./draw.ts";
import { findFaults } from "./judge.ts";
import { startScrape } from "./scrape.ts";

const usage = `node script/grafana/draw/main.ts --url URL --token TOKEN [options]

  --url URL           address of a running gateway, such as the one that script/demo prints
  --token TOKEN       a token of it with the scope ops:read
  --dashboard NAME    overview, queues, containers or deploys; several are allowed. Without it: all
  --out FOLDER        where the pictures are written [test-results/grafana]
  --var NAME=VALUE    value of a variable, such as env=PRODUCTION; several are allowed
  --from TIME         start of the time range, such as now-1h. Without it: that of the dashboard
  --theme dark|light  [dark]
  --prometheus URL    one that scrapes the gateway. Without it one is started, which needs half a minute for its first numbers
`;

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    token: { type: "string" },
    dashboard: { type: "string", multiple: true, default: [] },
    out: { type: "string", default: "test-results/grafana" },
    var: { type: "string", multiple: true, default: [] },
    from: { type: "string" },
    theme: { type: "string", default: "dark" },
    prometheus: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

function readVariables(): Record<string, string[]> {
  const variables: Record<string, string[]> = {};
  for (const one of values.var) {
    const [name = "", value = ""] = one.split(/=(.*)/s);
    (variables[name] ??= []).push(value);
  }
  return variables;
}

async function main(): Promise<void> {
  const { url, token, out, from, theme } = values;
  if (values.help || url === undefined || token === undefined) {
    process.stdout.write(usage);
    process.exitCode = values.help ? 0 : 1;
    return;
  }
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "ops-draw-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const prometheusUrl = values.prometheus ?? (await startScrape(folder, { url, token }, stack));
  const chosen = dashboards.filter(
    ({ uid }) => values.dashboard.length === 0 || values.dashboard.includes(uid.replace("ops-", "")),
  );
  mkdirSync(out, { recursive: true });
  const drawn = await drawDashboards({
    dashboards: chosen,
    upstreams: { url, token, prometheusUrl },
    out,
    theme: theme === "light" ? "light" : "dark",
    ...(from !== undefined && { from }),
    variables: readVariables(),
  });
  writeFileSync(join(out, "report.json"), `${JSON.stringify(drawn, null, 2)}\n`);
  const uids = dashboards.map(({ uid }) => uid);
  for (const fault of findFaults(drawn, uids)) process.stdout.write(`${fault}\n`);
}

await main();
