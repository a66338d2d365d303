import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startDockerd } from "../script/services/dockerd.ts";
import { removeContainers, startContainer } from "../test/support/docker-containers.ts";
import { createTokens } from "../test/support/tokens.ts";
import { readCpuMs } from "./cpu.ts";
import { followByGraphql, followBySse, startGateway } from "./logs.ts";

const seconds = 5;
const linesPerSecond = 1000;
const counts = [1, 50, 400] as const;
/** Readers of the largest row: GraphQL against REST. */
const limit = 1.5;
const ways = { "REST, server-sent events": followBySse, "GraphQL subscription": followByGraphql } as const;

/** Writes about as many lines a second as `linesPerSecond`. */
const script = `while :; do i=0; while [ $i -lt ${linesPerSecond / 10} ]; do echo "2026-01-13T09:46:00.000Z INFO worked off job $i of queue mailers"; i=$((i+1)); done; sleep 0.1; done`;

/**
 * CPU of the gateway while many read the log of one container, over REST and over GraphQL: per cent
 * of a core.
 */
export async function benchLogReaders(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "ops-bench-"));
  const rights = { scopes: ["ops:read", "ops:logs"] } as const;
  // One token may have five streams.
  const tokens = createTokens(
    Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`reader-${index}`, rights])),
  );
  const dockerd = await startDockerd(join(folder, "docker"));
  const { port, child } = await startGateway(dockerd.socketPath, { WALLET_CORE_OPS_TOKENS_FILE: tokens.file });
  const labels = { service: "bench", role: "web" };
  const id = await startContainer(dockerd.socketPath, { name: "bench-web-1", labels, cmd: ["sh", "-c", script] });
  try {
    await sleep(1000);
    const shares: number[] = [];
    for (const [name, open] of Object.entries(ways)) {
      const ends: (() => void)[] = [];
      let bytes = 0;
      for (const count of counts) {
        while (ends.length < count) {
          const { body, end } = await open(port, "bench-web-1", tokens.of(`reader-${ends.length % 100}`));
          body.on("data", (chunk: Buffer) => void (bytes += chunk.length)).on("error", () => {});
          ends.push(end);
        }
        await sleep(2000);
        const [before, begin] = [readCpuMs(child.pid), performance.now()];
        bytes = 0;
        await sleep(seconds * 1000);
        const share = (readCpuMs(child.pid) - before) / ((performance.now() - begin) / 100);
        const each = bytes / count / seconds / 1000;
        process.stdout.write(
          `${count} readers of ${linesPerSecond} lines a second, ${name}: ${share.toFixed(1)} % of a core, ${each.toFixed(0)} kB a second each\n`,
        );
        if (count === counts.at(-1)) shares.push(share);
      }
      for (const end of ends) end();
      await sleep(1000);
    }
    const [rest = Number.NaN, graphql = Number.NaN] = shares;
    process.stdout.write(`${counts.at(-1)} readers, GraphQL / REST: ${(graphql / rest).toFixed(2)} (limit ${limit})\n`);
    return graphql / rest <= limit;
  } finally {
    child.kill("SIGKILL");
    await removeContainers(dockerd.socketPath, [id]);
    await dockerd.stop();
    tokens[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  }
}
