import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import { parseFleetConfig } from "../../src/config/fleet.ts";
import { listBlocks } from "../support/doc-blocks.ts";
import { startFleet } from "../support/fleet.ts";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";

it("the query of docs/scaling.md runs without errors", async () => {
  const block = listBlocks().find(({ page, text }) => page === "docs/scaling.md" && text.includes("latencyMs"));
  await using eu = await startGateway(createMemorySources({}).sources);
  await using us = await startGateway(createMemorySources({}).sources);
  await using fleet = await startFleet({ eu: eu.url, us: us.url });
  const { body } = await fleet.query(block?.text ?? "");
  expect(body.errors).toBe(undefined);
  expect(body.data.problems.map(({ region }: { region: string }) => region)).toEqual(["eu", "us"]);
});

it("deploy/fleet/compose.yml configures a fleet", () => {
  const file = parseYaml(readFileSync("deploy/fleet/compose.yml", "utf8"));
  const { command, environment } = file.services.fleet;
  const [, regions = ""] = /^\$\{REGIONS:-(.*)\}$/.exec(environment.WALLET_CORE_OPS_REGIONS) ?? [];
  expect(command).toEqual(["fleet"]);
  expect(parseFleetConfig({ WALLET_CORE_OPS_REGIONS: regions }, () => "").regions.map(({ name }) => name)).toEqual([
    "eu",
    "us",
  ]);
});
