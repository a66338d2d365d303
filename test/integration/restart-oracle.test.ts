import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import { type Dockerd, startDockerd } from "../../script/services/dockerd.ts";
import { verifyAudit } from "../../src/audit/file/verify.ts";
import { startContainer } from "../support/docker-containers.ts";
import { type AuditLine, readAudit, startGatewayProcess, watchRestarts } from "../support/gateway-process.ts";

const folder = mkdtempSync(join(inject("runFolder"), "oracle-"));
let dockerd: Dockerd;
beforeAll(async () => {
  dockerd = await startDockerd(join(folder, "docker"), { bridge: false });
});
afterAll(() => dockerd.stop());

const names = ["a", "b", "c"].map((name) => `oracle-${name}`);

/** mulberry32: the schedule of a seed is always the same. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/**
 * An engine that is restarted forgets its events, and so does a gateway: where both ended so
 * shortly after an intent, milliseconds, nobody can know what became of it.
 */
const forgetMs = 5000;

it("the record's `ok` entries equal the engine's restart events", async () => {
  const random = createRandom(20_261_125);
  const ids = new Map<string, string>();
  for (const [index, name] of names.entries()) {
    const cmd = index === 0 ? { cmd: ["sleep", "600"], stopTimeout: 1 } : {};
    const labels = { service: "oracle", role: "web", destination: "staging" };
    ids.set(name, await startContainer(dockerd.socketPath, { name, labels, restartPolicy: "always", ...cmd }));
  }
  const audit = join(folder, "audit.jsonl");
  let gateway = await startGatewayProcess(dockerd.socketPath, "oracle", audit);
  const told: string[] = [];
  let watch = await watchRestarts(dockerd.socketPath);
  const calls: Promise<unknown>[] = [];
  const halts: number[] = [];
  const ends: number[] = [];
  const pick = () => names[random(names.length)] as string;

  for (let step = 0; step < 40; step += 1) {
    const dice = random(20);
    if (dice < 13)
      calls.push(
        gateway.restart(pick()).then(
          ({ status }) => status,
          () => null,
        ),
      );
    else if (dice < 17)
      await callDocker(dockerd.socketPath, "POST", `/containers/${ids.get(pick())}/kill`).catch(() => null);
    else if (dice < 19) {
      ends.push(Date.now());
      gateway.kill(dice === 17 ? "SIGKILL" : "SIGTERM");
      await gateway.ended;
      gateway = await startGatewayProcess(dockerd.socketPath, "oracle", audit);
    } else {
      const since = new Date();
      halts.push(since.getTime());
      await dockerd.restart();
      told.push(...watch.names);
      watch = await watchRestarts(dockerd.socketPath, since);
    }
    await sleep(random(700));
  }
  await Promise.all(calls);
  await sleep(8000);
  gateway.kill("SIGTERM");
  await gateway.ended;
  told.push(...watch.names);
  watch[Symbol.dispose]();

  const entries = readAudit(audit);
  const ok = entries.filter(({ outcome }) => outcome === "ok");
  expect(told.length).toBeGreaterThan(10);
  const forgotten = entries.filter(({ seq, outcome, ts }) => {
    const isUnknown = entries.filter(({ intent }) => intent === seq).every((other) => other.outcome === "unknown");
    const isNear = (times: readonly number[]) => times.some((time) => Math.abs(time - Date.parse(ts)) < forgetMs);
    return outcome === "intent" && isUnknown && isNear(halts) && isNear(ends);
  });
  for (const name of names) {
    const [events, known, lost] = [told, ok.map(toName), forgotten.map(toName)].map(
      (all) => all.filter((one) => one === name).length,
    );
    // Never one that did not happen; and one that happened is missing only where nobody can know.
    expect(known, name).toBeLessThanOrEqual(events ?? 0);
    expect((known ?? 0) + (lost ?? 0), name).toBeGreaterThanOrEqual(events ?? 0);
  }
  // Every intent has an outcome, and at most one that is final.
  for (const { seq } of entries.filter(({ outcome }) => outcome === "intent")) {
    const outcomes = entries.filter(({ intent }) => intent === seq).map(({ outcome }) => outcome);
    expect(outcomes.length, `seq ${seq}`).toBeGreaterThan(0);
    expect(outcomes.filter((outcome) => outcome !== "unknown").length, `seq ${seq}`).toBeLessThanOrEqual(1);
  }
  expect(await verifyAudit(audit, { partial: false })).toMatchObject({ ok: true });
}, 180_000);

function toName(entry: AuditLine): string {
  return entry.container_name;
}
