import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createSources } from "../../src/sources.ts";
import { soon } from "../support/docker-containers.ts";
import { fullId, inspected, json, listed, startFakeEngine } from "../support/docker-fake.ts";

test.each([
  ["", "production"],
  ["?env=staging", "staging"],
])("a container without an environment has its engine's (%s) or ENV", async (query, env) => {
  await using engine = await startFakeEngine();
  const id = fullId("a");
  engine.on("/containers/json", json([listed(id, "wallet-core-web-1")]));
  engine.on(`${id}/json`, json(inspected(id, "wallet-core-web-1")));
  const { address } = engine.options;
  const config = parseConfig(
    {
      WALLET_CORE_OPS_TOKEN: "a-token-of-some-length-0123456789",
      WALLET_CORE_OPS_ENV: "production",
      WALLET_CORE_OPS_DOCKER_HOSTS: `fake=unix://${address.kind === "unix" ? address.socketPath : ""}${query}`,
    },
    () => "",
  );
  const sources = createSources(config, silentLogger);
  try {
    const { containers } = await sources.containers.list(soon());
    expect(containers.map((container) => container.env)).toEqual([env]);
  } finally {
    await sources.close();
  }
});

test("a deploy to a custom destination has its configured environment", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ops-destinations-"));
  const info = {
    current_tag: "v1",
    previous_tag: "",
    commit_sha: "",
    deployed_by: "x",
    deployed_at: "2026-01-10T13:15:00Z",
  };
  writeFileSync(join(folder, "deploy_info.json"), JSON.stringify({ ...info, destination: "Beta" }));
  writeFileSync(join(folder, "deploy_history.jsonl"), `${JSON.stringify({ ...info, destination: "beta" })}\n`);
  const config = parseConfig(
    {
      WALLET_CORE_OPS_TOKEN: "a-token-of-some-length-0123456789",
      WALLET_CORE_OPS_DESTINATIONS: "beta=staging",
      WALLET_CORE_OPS_DEPLOY_INFO_PATH: join(folder, "deploy_info.json"),
    },
    () => "",
  );
  const sources = createSources(config, silentLogger);
  try {
    expect((await sources.deploy.read(soon())).env).toBe("staging");
    expect((await sources.deploy.history(soon()))[0]?.records).toMatchObject([{ tag: "v1", env: "staging" }]);
  } finally {
    await sources.close();
    rmSync(folder, { recursive: true });
  }
});
