import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startPostgres } from "../script/services/postgres.ts";
import { migrateTables } from "../src/audit/postgres/probe.ts";
import { type Scene, startScene } from "./scene.ts";
import { quartiles } from "./statistics.ts";

const [rounds, perRound] = [15, 400];
/** CPU of an answer, with a database that gateways share, to that without. */
const limits = { ratio: 1.1 };

type Question = readonly [
  path: string,
  init: Omit<RequestInit, "headers"> & { readonly headers?: Readonly<Record<string, string>> },
];

const post = (query: string): Question => [
  "/graphql",
  { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ query }) },
];
const questions: Readonly<Record<string, (nth: number) => Question>> = {
  "GET /containers": () => ["/api/v1/admin/ops/containers", {}],
  // A document of its own each time: nothing is remembered.
  "POST /graphql, executed": (nth) => post(`{ containers { name status health n${nth}: name } }`),
  "POST /graphql, timeline": () => post("{ timeline(first: 50) { nodes { time kind message } } }"),
};

/**
 * What reading costs with WALLET_CORE_OPS_STATE_URL and without: two gateways on the same simulated
 * engines with an event each 100 ms, asked in turns. CPU of the process for an answer; what each
 * does without readers.
 */
export async function benchState(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "ops-bench-"));
  const postgres = await startPostgres(join(folder, "postgres"), { settings: ["fsync=on"] });
  try {
    await migrateTables(postgres.url);
    await using without = await startScene(4, 50);
    await using shared = await startScene(4, 50, { env: { WALLET_CORE_OPS_STATE_URL: postgres.url } });
    const scenes = [without, shared];
    for (const scene of scenes) {
      while (!(await ask(scene, ["/api/v1/admin/ops/containers", {}]).then(isWhole, () => false))) await sleep(100);
      scene.emit(10);
    }
    let isWithin = true;
    let nth = 0;
    for (const [name, toQuestion] of Object.entries(questions)) {
      const ratios: number[] = [];
      for (let round = -2; round < rounds; round += 1) {
        const costs: number[] = [];
        for (const scene of round % 2 === 0 ? scenes : scenes.toReversed()) {
          const before = scene.cpuMs();
          for (let asked = 0; asked < perRound; asked += 1) await ask(scene, toQuestion((nth += 1)));
          costs.push(scene.cpuMs() - before);
        }
        const [one = 0, other = 0] = round % 2 === 0 ? costs : costs.toReversed();
        if (round >= 0) ratios.push(other / one);
      }
      const { median } = quartiles(ratios);
      isWithin &&= median <= limits.ratio;
      process.stdout.write(
        `reading with a shared database, ${name}: ${median.toFixed(2)} x without (limit ${limits.ratio})\n`,
      );
    }
    const idle = scenes.map((scene) => scene.cpuMs());
    await sleep(20_000);
    const shares = scenes.map((scene, index) => (scene.cpuMs() - (idle[index] ?? 0)) / 200);
    process.stdout.write(
      `without readers, per cent of a core: ${shares.map((share) => share.toFixed(1)).join(" without, ")} with\n`,
    );
    const memory = scenes.map((scene) => scene.megabytes().toFixed(0));
    process.stdout.write(`memory: ${memory.join(" MB without, ")} MB with\n`);
    return isWithin;
  } finally {
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

const isWhole = (list: string) => (JSON.parse(list) as unknown[]).length === 200;

async function ask(scene: Scene, [path, init]: Question): Promise<string> {
  const headers = { ...init.headers, authorization: `Bearer ${scene.token(0)}` };
  const response = await fetch(`http://127.0.0.1:${scene.port}${path}`, { ...init, headers });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  const text = await response.text();
  if (text.includes('"errors"')) throw new Error(text.slice(0, 300));
  return text;
}
