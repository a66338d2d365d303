import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startPostgres } from "../script/services/postgres.ts";
import { migrateTables, verifyTable } from "../src/audit/postgres/probe.ts";
import { createPostgresLedger } from "../src/audit/postgres/ledger.ts";
import { silentLogger } from "../src/lib/logger.ts";
import { sampleEntry } from "../test/support/audit.ts";
import { describe, quartiles } from "./statistics.ts";

const seconds = 8;
/** Median time of a decision, ms. */
const limits = { decisionMs: 15 };

/**
 * What a decision of the ledger in PostgreSQL costs, fsync on: one caller whose actions all begin,
 * then 16 callers of two gateways on 8 containers, whose actions take 300 ms and rest a second, so
 * that most are refused.
 */
export async function benchLedger(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "ops-bench-"));
  const postgres = await startPostgres(join(folder, "postgres"), { settings: ["fsync=on"] });
  const gateways = [0, 1].map(() => createPostgresLedger({ url: postgres.url, logger: silentLogger }));
  /** Begins actions until the time is up: the time of each decision, ms. */
  const measure = async (callers: number, actionMs: number): Promise<number[]> => {
    const times: number[] = [];
    const end = performance.now() + seconds * 1000;
    const call = async (caller: number) => {
      for (let turn = caller; performance.now() < end; turn += 1) {
        const ledger = gateways[caller % gateways.length];
        const cooldownMs = actionMs === 0 ? 0 : 1000;
        const begin = performance.now();
        const decision = await ledger?.begin({
          limits: { cooldownMs, parallel: null, budget: { perHour: 1_000_000, wanted: 1 } },
          toEntry: () => sampleEntry({ containerId: `container-${turn % 8}` }),
        });
        times.push(performance.now() - begin);
        if (decision?.kind !== "begun") continue;
        await sleep(actionMs);
        await ledger?.end(decision, { outcome: "ok", detail: "running", code: null, durationMs: actionMs });
      }
    };
    await Promise.all(Array.from({ length: callers }, (_, caller) => call(caller)));
    return times;
  };
  try {
    await migrateTables(postgres.url);
    const alone = await measure(1, 0);
    const together = await measure(16, 300);
    process.stdout.write(`a decision of the ledger in PostgreSQL, one caller: ${describe(alone)} ms\n`);
    process.stdout.write(
      `a decision, 16 callers of two gateways: ${describe(together)} ms (median at most ${limits.decisionMs})\n`,
    );
    const { ok, message } = await verifyTable(postgres.url);
    process.stdout.write(`${message}\n`);
    return ok && quartiles(together).median <= limits.decisionMs;
  } finally {
    for (const gateway of gateways) await gateway.close();
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
