import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { migrateTables, verifyTable } from "../../src/audit/postgres/probe.ts";
import { toBound } from "../support/bound.ts";
import { type CutProxy, startCutProxy } from "../support/cut-proxy.ts";
import { removeContainers, startContainer } from "../support/docker-containers.ts";
import { startGatewayProcess, watchRestarts } from "../support/gateway-process.ts";
import { startPgBouncer } from "../support/pgbouncer.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { until } from "../support/until.ts";

/** How many schedules are run, and from which seed; docs/decisions has what fifty came to. */
const runs = Number(process.env["OPS_REAL_SCHEDULES"] ?? 1);
const seed = Number(process.env["OPS_SEED"] ?? Date.now() % 1_000_000);
const budget = 12;
const containers = 4;
const socketPath = inject("dockerSocket");
const ids: string[] = [];
type Gateway = Awaited<ReturnType<typeof startGatewayProcess>>;
let database: TestDatabase;
let bouncer: Awaited<ReturnType<typeof startPgBouncer>>;
let proxies: CutProxy[];
let gateways: Gateway[];

const start = (index: number) =>
  startGatewayProcess(socketPath, "scheduled", join(inject("runFolder"), "no", "such", "folder"), {
    STATE_URL: (proxies[index] as CutProxy).url,
    RESTART_BUDGET: String(budget),
  });

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "scheduled");
  await migrateTables(database.url);
  bouncer = await startPgBouncer(database.url);
  const url = new URL(database.url);
  url.port = new URL(bouncer.url).port;
  proxies = await Promise.all([0, 1, 2].map(() => startCutProxy(url.href)));
  for (let index = 0; index < containers; index += 1) {
    // It takes SIGTERM for nothing: a restart takes as long as its timeout.
    const labels = { service: "scheduled", role: `r${index}`, destination: "staging" };
    ids.push(
      await startContainer(socketPath, {
        name: `scheduled-${index}`,
        labels,
        cmd: ["sleep", "100000"],
        stopTimeout: 1 + 4 * index,
      }),
    );
  }
  gateways = await Promise.all([0, 1, 2].map(start));
});
afterAll(async () => {
  for (const gateway of gateways) await gateway[Symbol.asyncDispose]();
  for (const proxy of proxies) await proxy.close();
  await bouncer.stop();
  await removeContainers(socketPath, ids);
  await database.drop();
});

type Step =
  | { readonly kind: "ask"; readonly gateway: number; readonly container: number; readonly key: number | null }
  | { readonly kind: "wait" | "cut" | "pause"; readonly gateway: number; readonly ms: number }
  | { readonly kind: "kill"; readonly gateway: number };

const gateway = fc.nat({ max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 16,
    arbitrary: fc.record({
      kind: fc.constant("ask" as const),
      gateway,
      container: fc.nat({ max: containers - 1 }),
      key: fc.oneof(fc.constant(null), fc.nat({ max: 3 })),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("wait" as const), gateway, ms: fc.integer({ min: 50, max: 3000 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("cut" as const), gateway, ms: fc.integer({ min: 300, max: 8000 }) }) },
  // Also beyond its lease of 30 s.
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("pause" as const), gateway, ms: fc.integer({ min: 1000, max: 40_000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("kill" as const), gateway }) },
);

interface Row {
  readonly seq: number;
  readonly outcome: string;
  readonly intent: number | null;
  readonly name: string;
  readonly key: string | null;
  readonly detail: string | null;
}
const readRows = async () =>
  (
    await database.query(
      "select seq::int, outcome, intent::int, line::json->>'container_name' as name, line::json->>'detail' as detail, answer_key as key from wallet_core_ops.entry where at > now() - interval '1 hour' order by seq",
    )
  ).rows as unknown as Row[];

/** Runs the steps, then mends everything and waits until nothing is open. */
async function run(steps: readonly Step[], nth: number): Promise<void> {
  const later: Promise<unknown>[] = [];
  const paused = new Set<Gateway>();
  for (const each of steps) {
    const one = gateways[each.gateway] as Gateway;
    const proxy = proxies[each.gateway] as CutProxy;
    if (each.kind === "wait") await sleep(each.ms);
    if (each.kind === "ask") {
      const key: Record<string, string> = each.key === null ? {} : { "idempotency-key": `schedule-${nth}-${each.key}` };
      later.push(
        one.restart(`scheduled-${each.container}`, "", key, AbortSignal.timeout(Math.ceil(toBound(90_000)))).catch(() => null),
      );
    }
    if (each.kind === "cut") {
      proxy.cut();
      later.push(sleep(each.ms).then(() => proxy.mend()));
    }
    if (each.kind === "pause" && !paused.has(one)) {
      paused.add(one);
      one.kill("SIGSTOP");
      later.push(sleep(each.ms).then(() => one.kill("SIGCONT")));
    }
    if (each.kind === "kill") {
      one.kill("SIGKILL");
      await one.ended;
      gateways[each.gateway] = await start(each.gateway);
    }
  }
  await Promise.all(later);
  const open = async () => (await database.query("select from wallet_core_ops.open")).rows.length;
  await until(async () => (await open()) === 0, 200_000);
}

/** The last outcome of its action: also one that cannot be known any more. */
const isLast = ({ intent, outcome, detail }: Row) =>
  intent !== null && (outcome !== "unknown" || (detail?.startsWith("settled") ?? false));

/** What is wrong with the record, beside the engine's own events. */
function findFaults(rows: readonly Row[], events: readonly string[]): string[] {
  const faults: string[] = [];
  const intents = rows.filter(({ outcome }) => outcome === "intent");
  for (let index = 0; index < containers; index += 1) {
    const name = `scheduled-${index}`;
    const own = rows.filter((row) => row.name === name);
    const ok = own.filter(({ outcome }) => outcome === "ok").length;
    const unknown = own.filter((row) => isLast(row) && row.outcome === "unknown").length;
    const seen = events.filter((one) => one === name).length;
    if (seen < ok || seen > ok + unknown) faults.push(`${name}: ${seen} events, ${ok} ok, ${unknown} unknown`);
  }
  for (const { seq } of intents) {
    const last = rows.filter((row) => isLast(row) && row.intent === seq);
    if (last.length !== 1) faults.push(`${seq} has ${last.length} last outcomes`);
  }
  const keys = intents.flatMap(({ key }) => key ?? []);
  for (const key of new Set(keys)) if (keys.filter((one) => one === key).length > 1) faults.push(`${key} has several actions`);
  if (intents.length > budget) faults.push(`${intents.length} actions of a budget of ${budget}`);
  return faults;
}

test("gateways that die, pause and are cut off restart what the record says", { timeout: toBound(300_000) * runs }, async () => {
  using restarts = await watchRestarts(socketPath);
  const counts = { actions: 0, restarts: 0, settled: 0, unknown: 0 };
  const schedules = fc.sample(fc.array(step, { minLength: 25, maxLength: 40 }), { seed, numRuns: runs });
  for (const [nth, steps] of schedules.entries()) {
    // The hour of the budget is over.
    await database.query("update wallet_core_ops.entry set at = at - interval '2 hours'");
    const before = restarts.names.length;
    await run(steps, nth);
    const rows = await readRows();
    const events = () => restarts.names.slice(before);
    const ok = rows.filter(({ outcome }) => outcome === "ok").length;
    await until(() => events().length >= ok);
    expect([seed, nth, findFaults(rows, events())]).toEqual([seed, nth, []]);
    counts.actions += rows.filter(({ outcome }) => outcome === "intent").length;
    counts.restarts += events().length;
    counts.settled += rows.filter(({ detail }) => detail?.startsWith("settled")).length;
    counts.unknown += rows.filter((row) => isLast(row) && row.outcome === "unknown").length;
  }
  expect(counts.restarts).toBeGreaterThan(0);
  expect(await verifyTable(database.url)).toMatchObject({ ok: true });
  if (process.env["OPS_REAL_SCHEDULES"]) process.stdout.write(`${runs} schedules of seed ${seed}: ${JSON.stringify(counts)}\n`);
});
