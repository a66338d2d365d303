import { expect, it } from "vitest";
import { toRows } from "../../src/grafana/metric.ts";

it("a queue's row has its services, several or unknown ones too", () => {
  const owner = (service: string, destination: string | null = null) => ({ service, destination });
  const rows = [null, [owner("shop", "beta")], [owner("shop"), owner("billing")]].map((owners) => ({
    queue: "mail",
    source: "jobs",
    owners,
  }));
  const found = toRows({ rows, parts: [{ name: "jobs", env: "STAGING" }] }) ?? [];
  expect(found.map(({ service, env }) => [service, env])).toEqual([
    ["unknown", "STAGING"],
    ["shop -d beta", "STAGING"],
    ["billing, shop", "STAGING"],
  ]);
});
