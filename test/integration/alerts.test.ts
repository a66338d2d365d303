import { rmSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toAlerts } from "../../script/alerts/table.ts";
import { callDocker } from "../../script/services/docker-api.ts";
import { hasSamples } from "../../script/services/prometheus.ts";
import { type Condition, createMeasure } from "../support/alert-measure.ts";
import { type AlertStage, createAlertStage } from "../support/alert-stage.ts";
import { removeContainers, stopContainer } from "../support/docker-containers.ts";

/**
 * Each alert, made on real parts and ended: how long after the condition it fires, and how long
 * after its end it stops. A minute of the rules is a second here; what happens meanwhile (scrapes,
 * evaluations, the gateway's own caches) takes as long as ever.
 */
let stage: AlertStage;
let meter: ReturnType<typeof createMeasure>;
let containers: Readonly<Record<"runner" | "worker" | "cron", string>>;
const alerts = toAlerts().map(({ alert }) => alert);

/** Conditions that run side by side; each test waits for its own. */
function sideBySide(conditions: readonly (Condition | readonly Condition[])[]): void {
  const outcomes = new Map<Condition, Promise<void>>();
  beforeAll(() => {
    for (const chain of conditions) {
      let before = Promise.resolve();
      for (const condition of [chain].flat()) {
        before = before.then(() => meter.measure(condition));
        before.catch(() => {});
        outcomes.set(condition, before);
      }
    }
  });
  it.each(conditions.flat().map((condition) => [condition.alert, condition.labels, condition] as const))(
    "%s %j fires, and ends",
    async (_alert, _labels, condition) => {
      await expect(outcomes.get(condition)).resolves.toBeUndefined();
    },
    180_000,
  );
}

const state = (name: string) => join(stage.folder, "state", name);
const touch = (name: string) => writeFileSync(state(name), "");
const untouch = (name: string) => rmSync(state(name));
const startAgain = (id: string) => callDocker(stage.engines.a, "POST", `/containers/${id}/start`);

beforeAll(async () => {
  stage = await createAlertStage();
  meter = createMeasure(stage);
  mkdirSync(join(stage.folder, "state"));
  const binds = [`${join(stage.folder, "state")}:/state`];
  const untilCrash = "trap 'exit 0' TERM; while [ ! -e /state/crash ]; do sleep 0.1; done; exit 1";
  const [runner = "", worker = "", , cron = ""] = await stage.startContainers([
    { role: "runner" },
    { role: "worker" },
    { role: "web", binds, healthCmd: "test ! -e /state/sick" },
    { role: "cron", binds, restartPolicy: "always", cmd: ["sh", "-c", untilCrash] },
    // A deploy of its own: it would be the newest one of the others.
    { role: "api", destination: "beta" },
    { role: "cron", engine: "b" },
    { role: "worker", engine: "b" },
  ]);
  containers = { runner, worker, cron };
  await stage.jobs.end("deployed", "done", 1000, 10);
  // Eight minutes of the rules.
  await sleep(8000);
}, 120_000);
afterAll(async () => {
  console.table(meter?.times);
  await stage?.[Symbol.asyncDispose]();
}, 60_000);

it("nothing fires while all is healthy, and Grafana evaluates all rules", async () => {
  expect(stage.watch.seen).toEqual([]);
  const answers = await Promise.all(alerts.map((alert) => meter.askGrafana(alert)));
  expect(answers.filter((answer) => answer !== null && answer !== "quiet")).toEqual([]);
});

describe("alerts side by side", () => {
  let nextApi = "";
  let deployedAt = 0;
  let crowdedAt = 0;
  let downBesideIt: readonly (string | undefined)[] = [];
  const [busy, watched] = [new AbortController(), new AbortController()];
  const spare = () => stage.gateways.spare;
  afterAll(() => watched.abort());
  /**
   * A worker takes a job and hangs; what others did takes ten seconds, and leaves the five minutes
   * of the rate soon.
   */
  const hang = async (queue: "hangs" | "slow") => {
    await stage.jobs.end(queue, "done", 5, 288, 10);
    await stage.jobs.run(queue, 287);
    await stage.jobs.wait(queue, 286);
    return Date.now();
  };
  /** As a dashboard does, ten times a second: a rate needs more calls than those of scrapes. */
  /** Asks Prometheus for the past of the hosts, again and again. */
  const watchHosts = async () => {
    const headers = { authorization: `Bearer ${stage.place.token}`, "content-type": "application/json" };
    while (!watched.signal.aborted) {
      const from = new Date(Date.now() - 600_000).toISOString();
      const body = JSON.stringify({ query: `{ hosts { history(from: "${from}") { points { cpuUtil } } } }` });
      await fetch(`${stage.place.url}/graphql`, { method: "POST", headers, body }).catch(() => {});
      await sleep(100);
    }
  };
  /** 300 ms of every half second it gets nothing done. */
  const keepBusy = async (pid: number) => {
    while (!busy.signal.aborted) {
      process.kill(pid, "SIGSTOP");
      await sleep(300);
      process.kill(pid, "SIGCONT");
      await sleep(200);
    }
  };

  sideBySide([
    [
      {
        alert: "OpsRoleDown",
        labels: { role: "runner", service: "wallet-core" },
        make: () => stopContainer(stage.engines.a, containers.runner),
        end: () => startAgain(containers.runner),
      },
      {
        alert: "OpsOrphans",
        labels: { queue: "lost" },
        make: () => stage.jobs.run("lost", 120, "gone-worker"),
        end: () => stage.jobs.finish("lost"),
      },
      {
        alert: "OpsEngineDown",
        labels: { engine: "b" },
        make: async () => {
          // Nothing of this role is left, and it ran on the other engine alone.
          await stopContainer(stage.engines.a, containers.runner);
          await stage.watch.fires("OpsRoleDown", { role: "runner" });
          // The other container of this one is on the engine that goes silent.
          await stopContainer(stage.engines.a, containers.worker);
          stage.engines.b.cut();
          return Date.now();
        },
        end: async () => {
          await sleep(4000);
          const roles = stage.watch.seen.filter(({ alert, to }) => alert === "OpsRoleDown" && to === null);
          downBesideIt = roles.map(({ labels }) => labels["role"]);
          stage.engines.b.heal();
          const at = Date.now();
          await Promise.all([startAgain(containers.runner), startAgain(containers.worker)]);
          return at;
        },
      },
    ],
    {
      alert: "OpsContainerUnhealthy",
      labels: { role: "web", engine: "a" },
      make: () => touch("sick"),
      end: () => untouch("sick"),
    },
    {
      alert: "OpsContainerRestartLoop",
      labels: { role: "cron", engine: "a" },
      make: () => touch("crash"),
      end: () => removeContainers(stage.engines.a, [containers.cron]),
    },
    {
      alert: "OpsReleaseDrift",
      labels: { role: "api" },
      make: async () => {
        [nextApi = ""] = await stage.startContainers([{ role: "api", version: "v2", destination: "beta" }]);
      },
      end: () => removeContainers(stage.engines.a, [nextApi]),
    },
    { alert: "OpsHostHot", labels: {}, make: () => stage.host.useMemory(0.95), end: () => stage.host.useMemory(0.2) },
    [
      { alert: "OpsHostDiskFull", labels: {}, make: () => stage.host.fillDisk(), end: () => stage.host.emptyDisk() },
      { alert: "OpsHostDown", labels: {}, make: () => stage.host.stop(), end: () => stage.host.start() },
      {
        alert: "OpsUpstreamErrors",
        labels: { upstream: "prometheus" },
        make: () => {
          stage.flaky.fail("at times");
          void watchHosts();
        },
        end: () => stage.flaky.fail("never"),
        // Five minutes of the rate.
        remembered: 5,
      },
      {
        alert: "OpsUpstreamDown",
        labels: { upstream: "prometheus" },
        make: () => stage.flaky.fail("always"),
        end: () => stage.flaky.fail("never"),
      },
    ],
    {
      alert: "OpsQueueStalled",
      labels: { queue: "hangs" },
      // From when nothing has ended for five minutes, 12 s later.
      make: async () => (await hang("hangs")) + 12_000,
      end: () => stage.jobs.finish("hangs"),
    },
    {
      // Meanwhile it becomes stalled, which must not begin the half hour again.
      alert: "OpsQueueBehind",
      labels: { queue: "slow" },
      make: () => hang("slow"),
      end: () => stage.jobs.finish("slow"),
    },
    {
      alert: "OpsQueueFailing",
      labels: { queue: "fails" },
      make: () => stage.jobs.end("fails", "failed", 9, 60),
      end: () => stage.jobs.end("fails", "done", 100, 1),
    },
    {
      alert: "OpsQueueSourceDown",
      labels: { source: "renamed", upstream: "postgres" },
      make: () => stage.jobs.query("alter table renamed rename to renamed_away"),
      end: () => stage.jobs.query("alter table renamed_away rename to renamed"),
    },
    {
      alert: "OpsFailuresUpSinceDeploy",
      labels: { tag: "v1" },
      make: async () => {
        deployedAt = Math.floor(Date.now() / 1000) * 1000 - 600_000;
        // Rows reach far enough back for windows of a quarter of an hour.
        await stage.jobs.end("deployed", "done", 1, 4000);
        await stage.jobs.end("deployed", "done", 1000, 700);
        await stage.jobs.end("deployed", "failed", 200, 1);
        stage.writeDeploy(deployedAt);
      },
      end: () => stage.jobs.query("delete from deployed where status = 'failed'"),
      // A verdict serves all who ask for half a minute.
      remembered: 30,
    },
    {
      alert: "OpsProblemsUnknown",
      labels: {},
      make: () => stage.older.mute(true),
      end: () => stage.older.mute(false),
    },
    {
      alert: "OpsDeployInfoUnreadable",
      labels: { destination: "staging" },
      make: async () => {
        await stage.watch.fires("OpsFailuresUpSinceDeploy", { tag: "v1" });
        stage.breakDeploy();
        return Date.now();
      },
      // The gateway remembers the deploy meanwhile.
      end: () => stage.writeDeploy(deployedAt),
    },
    {
      alert: "OpsTokenEnds",
      labels: { kid: "ci01", subject: "ci" },
      // A week of the rule is 2.8 hours.
      make: () => stage.writeToken(2),
      end: () => stage.writeToken(24),
    },
    [
      {
        alert: "OpsGatewayDown",
        labels: {},
        make: () => spare().stop(),
        // It comes back with more queues than /metrics shows.
        end: async () => {
          await spare().start({ QUEUES_FILE: join(stage.folder, "crowd.json") });
          return (crowdedAt = Date.now());
        },
      },
      {
        alert: "OpsGatewayBusy",
        labels: {},
        make: () => void keepBusy(spare().pid),
        end: () => busy.abort(),
      },
      {
        alert: "OpsSeriesDropped",
        labels: { family: "ops_queue" },
        make: () => crowdedAt,
        end: async () => {
          await spare().stop();
          await spare().start();
        },
      },
    ],
  ]);

  it("a silent engine inhibits its missing role and no other alert", () => {
    expect(downBesideIt).toEqual(["runner"]);
  });
});

it("one outage of a database is one alert and one message", async () => {
  const sent = () => stage.messages.filter(({ groupLabels }) => groupLabels["alertname"] === "OpsUpstreamDown");
  const untilEnd = () => expect.poll(() => sent().at(-1)?.status, { timeout: 30_000 }).toBe("resolved");
  // That of Prometheus, before.
  await untilEnd();
  const before = { seen: stage.watch.seen.length, messages: sent().length };
  const [isDown, mayComeBack] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let restarted: Promise<void> | null = null;
  await meter.measure({
    alert: "OpsUpstreamDown",
    labels: { upstream: "postgres" },
    make: () => {
      restarted = stage.postgres.restart(() => (isDown.resolve(), mayComeBack.promise));
      return isDown.promise;
    },
    end: async () => {
      // Longer than any rule about it takes, and than the Alertmanager waits for others.
      await sleep(8000);
      mayComeBack.resolve();
      await restarted;
      return Date.now();
    },
  });
  const seen = stage.watch.seen.slice(before.seen);
  expect(seen.map(({ alert, labels }) => [alert, labels["upstream"]])).toEqual([["OpsUpstreamDown", "postgres"]]);
  await untilEnd();
  const messages = sent().slice(before.messages);
  expect(messages.map(({ status, alerts: about }) => [status, about.map(({ labels }) => labels["upstream"])])).toEqual([
    ["firing", ["postgres"]],
    ["resolved", ["postgres"]],
  ]);
}, 120_000);

it("a scrape that fails ends no alert, and the end of its condition does", async () => {
  const labels = { role: "runner" };
  const has = (query: string) => hasSamples(stage.place.prometheusUrl, query);
  const ofRole = 'ops_problem{kind="role_down", role="runner"}';
  await stopContainer(stage.engines.a, containers.runner);
  const firing = await stage.watch.fires("OpsRoleDown", labels);
  stage.failScrapes();
  const isMissed = () => has('count(min_over_time(up{job="wallet-core-ops"}[10s]) == 0) >= 2');
  await expect.poll(isMissed, { timeout: 30_000 }).toBe(true);
  await expect.poll(() => has(`count(${ofRole}) == 2`), { timeout: 30_000 }).toBe(true);
  // The alerts after that scrape are seen.
  await sleep(2000);
  expect(firing.to).toBeNull();
  await startAgain(containers.runner);
  const endedAt = Date.now();
  expect((await stage.watch.ends(firing)) - endedAt).toBeLessThan(30_000);
}, 120_000);

it("a gateway that Prometheus does not scrape is reported as down", async () => {
  await meter.measure({
    alert: "OpsGatewayDown",
    // Not that of a gateway whose last scrape was broken off.
    labels: { job: "wallet-core-ops", instance: "" },
    make: () => {
      stage.renameJob("other");
      // When its last sample, of two seconds before at most, is forgotten.
      return Date.now() + 3000;
    },
    end: async () => {
      expect(await meter.askGrafana("OpsRoleDown")).toBe("no data");
      stage.renameJob();
    },
  });
}, 90_000);

it("every alert fired, and nothing else did", () => {
  const names = ["role", "queue", "source", "engine", "upstream", "family", "subject"];
  const seen = stage.watch.seen.map(({ alert, labels }) =>
    [alert, ...names.map((name) => labels[name]).filter((value) => value !== undefined)].slice(0, 2).join(" "),
  );
  expect([...new Set(seen)].toSorted()).toEqual([
    "OpsContainerRestartLoop cron",
    "OpsContainerUnhealthy web",
    "OpsDeployInfoUnreadable",
    "OpsEngineDown b",
    "OpsFailuresUpSinceDeploy",
    "OpsGatewayBusy",
    "OpsGatewayDown",
    "OpsHostDiskFull",
    "OpsHostDown",
    "OpsHostHot",
    "OpsOrphans lost",
    "OpsProblemsUnknown",
    "OpsQueueBehind slow",
    "OpsQueueFailing fails",
    "OpsQueueSourceDown renamed",
    "OpsQueueStalled hangs",
    // Where the warning is measured.
    "OpsQueueStalled slow",
    "OpsReleaseDrift api",
    "OpsRoleDown runner",
    "OpsSeriesDropped ops_queue",
    "OpsTokenEnds ci",
    "OpsUpstreamDown postgres",
    "OpsUpstreamDown prometheus",
    "OpsUpstreamErrors prometheus",
  ]);
  expect([...new Set(meter.times.map(({ alert }) => alert))].toSorted()).toEqual(alerts.toSorted());
});

it("the receiver got each alert that is not inhibited, with its docs page", () => {
  const sent = stage.messages.flatMap((message) => message.alerts);
  expect([...new Set(sent.map(({ labels }) => labels["alertname"] ?? ""))].toSorted()).toEqual(
    alerts.filter((alert) => alert !== "OpsQueueBehind").toSorted(),
  );
  for (const { labels, annotations } of sent) {
    expect(labels).not.toHaveProperty("runbooks");
    expect(annotations["runbook_url"]).toBe(
      `https://wiki.example/ops/docs/alerts.md#${labels["alertname"]?.toLowerCase()}`,
    );
  }
});
