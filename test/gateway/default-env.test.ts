import { expect, test } from "vitest";
import { parseConfig } from "../../src/config.ts";
import type { Container } from "../../src/domain/container.ts";
import { silentLogger } from "../../src/logger.ts";
import { createSources } from "../../src/sources.ts";
import { soon } from "../support/docker-containers.ts";
import { fullId, inspected, json, listed, startFakeEngine } from "../support/docker-fake.ts";

test.each([
  ["", "production"],
  ["?env=staging", "staging"],
])(
  "a container that says nothing of its environment has that of its engine (%s), or else that of the gateway",
  async (query, env) => {
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
      const [container] = (await sources.containers.inspect(containers, soon())) as [Container];
      expect(container.env).toBe(env);
    } finally {
      await sources.close();
    }
  },
);
