import { afterAll, expect, inject, test } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { createSharedBudget } from "../../src/lib/budget/budget.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createSources } from "../../src/sources.ts";
import { removeContainers, runContainer, soon } from "../support/docker-containers.ts";

const socketPath = inject("dockerSocket");
const ids: string[] = [];
const variables = {
  WALLET_CORE_OPS_TOKEN: "canary-of-the-token-0123",
  WALLET_CORE_OPS_DATABASE_URL: "postgres://reader:canary%2Fof%2Fdb@127.0.0.1:1/wallet",
  WALLET_CORE_OPS_PROMETHEUS_URL: "http://prom:canary-of-prom@127.0.0.1:1",
  WALLET_CORE_OPS_DOCKER_HOSTS: `web-1=unix://${socketPath}`,
  WALLET_CORE_OPS_AUDIT_FILE: "/nowhere/audit.jsonl",
};
const sources = createSources(
  parseConfig(variables, () => ""),
  silentLogger,
);

afterAll(async () => {
  await sources.close();
  await removeContainers(socketPath, ids);
});

test("the gateway's own secrets are redacted in logs, also across chunks", async () => {
  const long = `head -c 16370 /dev/zero | tr '\\0' x; echo canary-of-the-token-0123`;
  const cmd = `echo token is canary-of-the-token-0123; echo db canary/of/db or canary%2Fof%2Fdb; echo [canary-of-prom]; ${long}`;
  const id = await runContainer(socketPath, { name: "own-secrets", cmd: ["sh", "-c", cmd] });
  ids.push(id);
  const messages = [
    "token is [redacted]",
    "db [redacted] or [redacted]",
    "[[redacted]]",
    `${"x".repeat(16_370)}[redacted]`,
  ];
  const { lines } = await sources.containers.logs(
    { engine: "web-1", fullId: id },
    { tail: 10 },
    createSharedBudget(soon()),
  );
  expect(lines.map(({ message }) => message)).toEqual(messages);
  const abort = new AbortController();
  for await (const batch of await sources.containers.follow(
    { engine: "web-1", fullId: id },
    { tail: 10 },
    abort.signal,
  )) {
    expect(batch.lines.map(({ message }) => message)).toEqual(messages);
    break;
  }
  abort.abort();
});
