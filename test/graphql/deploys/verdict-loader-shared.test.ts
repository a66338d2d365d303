import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { DeployVerdict } from "../../../src/deploys/verdict/types.ts";
import { createContext } from "../../../src/graphql/context.ts";
import type { Environment } from "../../../src/lib/environment.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { createFingerprints } from "../../../src/queues/errors.ts";
import type { ConfiguredOwner } from "../../../src/queues/owners.ts";
import type { QueueSource } from "../../../src/queues/queue.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer } from "../../support/containers.ts";
import { sampleDeployLog, sampleRecord } from "../../support/deploys.ts";
import { createMemorySources } from "../../support/memory-sources.ts";
import { sampleFailures, sampleHistory, sampleWorkerJobs } from "../../support/queues.ts";
import { createUniform } from "../../support/random.ts";

const now = Math.floor(Date.now() / 1000);
const ago = (seconds: number) => `${new Date((now - seconds) * 1000).toISOString().slice(0, 19)}Z`;
beforeAll(() => void vi.useFakeTimers({ toFake: ["Date"], now: now * 1000 }));
afterAll(() => void vi.useRealTimers());

/** Every deploy began and ended this many seconds ago; its windows are as long. */
const deployedAgo = 1200;
const env = "staging";

/** An ended job, as a row that may name the host of its worker. */
interface Row {
  readonly queue: string;
  readonly host: string | null;
  readonly endedAgo: number;
  readonly error: string | null;
}
type Version = "v1" | "v2";
const hostOf = (service: string, version: Version) => `${service}-${version}`;

interface World {
  readonly services: readonly string[];
  readonly rows: readonly Row[];
  /** Whether rows name the workers of ended jobs; failures do in any case. @default true */
  readonly named?: boolean;
  /** Services outside the product, which only tokens of every environment see. */
  readonly foreign?: readonly string[];
  readonly destinations?: Readonly<Record<string, string>>;
  readonly owner?: ConfiguredOwner;
  readonly environments?: Environment[];
  /** Services with a running job in each queue. @default all */
  readonly running?: readonly string[];
}

function createSource({ rows, named = true, owner, services, running = services }: World): QueueSource {
  const queues = [...new Set(rows.map(({ queue }) => queue))];
  const count: NonNullable<QueueSource["historyOn"]> = async (hosts, asked, { from, step }) => {
    const isIn = ({ queue, host, endedAgo }: Row) => {
      const at = now - endedAgo;
      return at > from && at <= from + step && (asked ?? queues).includes(queue) && hosts.includes(host ?? "");
    };
    const byQueue = Map.groupBy(rows.filter(isIn), ({ queue }) => queue);
    return new Map(
      [...byQueue].map(([queue, ended]) => {
        const failures = ended.filter(({ error }) => error !== null).length;
        return [queue, sampleHistory({ failures, processedPerSec: (ended.length - failures) / step, depth: 0 })];
      }),
    );
  };
  const everyHost = ["", ...rows.flatMap(({ host }) => host ?? [])];
  const recent = rows.filter(({ endedAgo, error }) => error !== null && endedAgo <= 3600);
  const failures = [...Map.groupBy(recent, ({ queue, host, error }) => JSON.stringify([queue, host, error])).values()];
  return {
    name: "jobs",
    kind: "table",
    env,
    ...(owner && { owner }),
    metrics: async () => [],
    history: async (asked, range, signal) => count(everyHost, asked, range, signal),
    ...(named && {
      historyOn: count,
      workersSince: async (from) =>
        rows.flatMap(({ queue, host, endedAgo }) =>
          now - endedAgo >= from ? [{ queue, host, lastAt: now - endedAgo }] : [],
        ),
    }),
    failures: async () =>
      createFingerprints().addToFailures(
        failures.map((own) => {
          const times = own.map(({ endedAgo }) => endedAgo);
          const { queue = "", host = null, error } = own[0] ?? {};
          return sampleFailures({
            source: "jobs",
            queue,
            worker: host,
            error: error ?? "",
            count: own.length,
            firstAt: ago(Math.max(...times)),
            lastAt: ago(Math.min(...times)),
          });
        }),
        { turn: () => null },
      ),
    workerJobs: async () =>
      queues.flatMap((queue) =>
        running.map((service) => sampleWorkerJobs({ queue, source: "jobs", host: hostOf(service, "v2") })),
      ),
  };
}

/** The verdicts of all services of a product on their latest deploys. */
async function judge(world: World): Promise<ReadonlyMap<string, DeployVerdict>> {
  const { services, foreign = [], destinations = {}, environments } = world;
  const containers = services.flatMap((service) =>
    (["v1", "v2"] as const).map((version) => {
      const host = hostOf(service, version);
      const kind = foreign.includes(service) ? ("other" as const) : ("core" as const);
      const name = service.split("@")[0] ?? service;
      return sampleContainer({
        service: name,
        version,
        kind,
        host,
        env,
        name: host,
        id: host,
        fullId: host.padEnd(64, "0"),
        destination: destinations[service] ?? null,
        createdAt: ago(version === "v1" ? 90_000 : deployedAgo),
        ...(version === "v1" && { status: "exited" as const, finishedAt: ago(deployedAgo) }),
      });
    }),
  );
  const own = services.filter((service) => !foreign.includes(service));
  const records = own.flatMap((service) =>
    [["v1", 90_000] as const, ["v2", deployedAgo] as const].map(([tag, seconds]) =>
      sampleRecord({
        service: service.split("@")[0] ?? service,
        destination: destinations[service] ?? null,
        env,
        tag,
        version: tag,
        deployedAt: ago(seconds),
        durationSeconds: 0,
      }),
    ),
  );
  const memory = createMemorySources({
    containers: containers.filter(({ version }) => version === "v2"),
    retired: containers.filter(({ version }) => version === "v1"),
    deploy: new OpsError("deploy_info_missing", "deploy_info.json not found"),
    deployLogs: [sampleDeployLog(records)],
  }).sources;
  const source = createSource(world);
  const sources = { ...memory, queues: { all: async () => [source], close: async () => {} } };
  const { loaders } = createContext(sources, createCaller(undefined, environments));
  const deploys = (await loaders.deploys.all()).filter(({ tag }) => tag === "v2");
  const verdicts = await Promise.all(
    deploys.map(async (deploy) => {
      const key = own.find(
        (service) => service.split("@")[0] === deploy.service && (destinations[service] ?? null) === deploy.destination,
      );
      return [key ?? "", await loaders.deploys.verdict(deploy, deployedAgo)] as const;
    }),
  );
  return new Map(verdicts);
}

/** Jobs that ended evenly in the window before a deploy, or after it; every n-th one failed. */
function work(
  queue: string,
  host: string | null,
  when: "before" | "after",
  count: number,
  failEvery = 0,
  error = `an error of ${host}`,
): Row[] {
  return Array.from({ length: count }, (_, index) => {
    const within = Math.floor(((index + 0.5) * (deployedAgo - 20)) / count) + 10;
    const isFailed = failEvery > 0 && index % failEvery === 0;
    return {
      queue,
      host,
      endedAgo: when === "before" ? deployedAgo + within : within,
      error: isFailed ? error : null,
    };
  });
}

/** The content of a verdict, without the other services that the gaps name. */
const toCore = (verdict: DeployVerdict | undefined) => {
  const { outcome, reasons, queues, newErrors } = verdict ?? {};
  return { outcome, reasons, queues, newErrors };
};

describe("a queue that several services work on", () => {
  const shared = (failing: string): Row[] =>
    ["shop", "billing"].flatMap((service) => [
      ...work("shared", hostOf(service, "v1"), "before", 300),
      ...work("shared", hostOf(service, "v2"), "after", 300, service === failing ? 2 : 0),
    ]);

  it.each([
    ["shop", "billing"],
    ["billing", "shop"],
  ])("blames %s for its failures, and not %s", async (failing, other) => {
    const verdicts = await judge({ services: ["shop", "billing"], rows: shared(failing) });
    expect(verdicts.get(failing)).toMatchObject({
      outcome: "regressed",
      queues: [{ queue: "shared", before: { succeeded: 300, failed: 0 }, after: { succeeded: 150, failed: 150 } }],
    });
    expect(verdicts.get(other)).toMatchObject({
      outcome: "clean",
      reasons: [],
      newErrors: [],
      gaps: [],
      queues: [{ queue: "shared", before: { succeeded: 300, failed: 0 }, after: { succeeded: 300, failed: 0 } }],
    });
  });

  it("is detected in the rows of ended jobs if no job runs", async () => {
    const old = shared("shop").filter(({ error }) => error === null);
    const rows = [...old, ...work("shared", hostOf("shop", "v2"), "after", 200).map((row) => ({ ...row, error: "x" }))];
    const verdicts = await judge({ services: ["shop", "billing"], rows, running: [] });
    expect(verdicts.get("billing")).toMatchObject({ outcome: "clean", gaps: [], queues: [{ after: { failed: 0 } }] });
  });

  it("decides nothing if rows do not name who succeeded", async () => {
    const world = { services: ["shop", "billing"], rows: shared("shop"), named: false };
    const gap =
      "jobs: shop works on shared too, and the rows of ended jobs do not name their " +
      "workers: only new errors of the service's own workers count";
    expect((await judge(world)).get("billing")).toMatchObject({
      outcome: "not_enough_data",
      newErrors: [],
      gaps: [gap],
      queues: [{ outcome: "not_enough_data", before: null, after: null }],
    });
  });

  it("still has new errors of the service's own workers", async () => {
    const verdicts = await judge({ services: ["shop", "billing"], rows: shared("shop"), named: false });
    expect(verdicts.get("shop")).toMatchObject({
      outcome: "regressed",
      newErrors: [{ error: "an error of shop-v2", regressed: true, after: { count: 150 } }],
    });
  });

  it("blames nobody for errors of unknown workers", async () => {
    const nobody = [...work("shared", null, "after", 200, 1, "lost")];
    for (const named of [true, false]) {
      const verdicts = await judge({ services: ["shop", "billing"], rows: [...shared(""), ...nobody], named });
      for (const verdict of verdicts.values()) {
        expect(verdict).toMatchObject({ outcome: "not_enough_data", newErrors: [] });
        expect(verdict.gaps).toHaveLength(1);
      }
    }
  });

  it("is judged for a token that may not see the other service", async () => {
    const world = { services: ["shop", "crm"], rows: shared("billing"), foreign: ["crm"] };
    const rows = world.rows.map((row) => ({ ...row, host: row.host?.replace("billing", "crm") ?? null }));
    for (const environments of [undefined, ["staging" as const]]) {
      for (const named of [true, false]) {
        const shop = (await judge({ ...world, rows, named, ...(environments && { environments }) })).get("shop");
        expect(shop).toMatchObject({ outcome: named ? "clean" : "not_enough_data", newErrors: [] });
        expect(JSON.stringify(shop).includes("crm")).toBe(!named && environments === undefined);
        expect(JSON.stringify(shop).includes("another service")).toBe(!named && environments !== undefined);
      }
    }
  });

  it.each([true, false])("may belong to two destinations of one service: rows name them: %j", async (named) => {
    const services = ["shop@a", "shop@b"];
    const destinations = { "shop@b": "beta" };
    const rows = services.flatMap((service) => [
      ...work("shared", hostOf(service, "v1"), "before", 300),
      ...work("shared", hostOf(service, "v2"), "after", 300, service === "shop@b" ? 2 : 0),
    ]);
    const verdicts = await judge({ services, destinations, rows, named, owner: { service: "shop" }, running: [] });
    expect(verdicts.get("shop@a")?.outcome).toBe(named ? "clean" : "not_enough_data");
    expect(verdicts.get("shop@b")?.outcome).toBe("regressed");
    const one = await judge({
      services: ["shop@a"],
      rows: rows.filter(({ host }) => host?.startsWith("shop@a")),
      named,
      owner: { service: "shop" },
    });
    expect(one.get("shop@a")?.outcome).toBe("clean");
  });

  it("from which a worker once took a job is judged by ended jobs", async () => {
    const mailer = [
      ...work("mailer", hostOf("shop", "v1"), "before", 300),
      ...work("mailer", hostOf("shop", "v2"), "after", 300, 2),
    ];
    const invoices = (["v1", "v2"] as const).flatMap((version) =>
      work("invoices", hostOf("billing", version), version === "v1" ? "before" : "after", 300, 100, "the same"),
    );
    const rows = [...mailer, ...invoices];
    // Jobs of both run in both queues.
    const verdicts = await judge({ services: ["shop", "billing"], rows });
    expect(verdicts.get("billing")?.outcome).toBe("clean");
    expect(verdicts.get("shop")?.outcome).toBe("regressed");
  });
});

describe("a verdict, for any jobs of any services", () => {
  /**
   * 2 to 4 services on 1 to 3 queues; some fail more after the deploy, with errors of their own.
   */
  const generate = (seed: number) => {
    const random = createUniform(seed);
    const below = (limit: number) => Math.floor(random() * limit);
    const services = ["shop", "billing", "crm", "mail"].slice(0, 2 + below(3));
    const queues = ["a", "b", "c"].slice(0, 1 + below(3));
    const rows = services.flatMap((service) =>
      queues.flatMap((queue) => {
        const isWorse = random() < 0.5;
        const count = 5 + below(200);
        const error = `only ${service} says so in ${queue}`;
        return [
          ...work(queue, hostOf(service, "v1"), "before", count, random() < 0.3 ? 9 : 0, error),
          ...work(queue, hostOf(service, "v2"), "after", count + below(50), isWorse ? 2 + below(8) : 0, error),
        ];
      }),
    );
    return { services, rows, random };
  };
  const isOf = (service: string, { host }: Row) => host?.startsWith(`${service}-`) ?? false;

  it.each(Array.from({ length: 8 }, (_, index) => [index + 1, index % 2 === 0] as const))(
    "ignores failures of other services (seed %i, named workers: %j)",
    async (seed, named) => {
      const { services, rows, random } = generate(seed);
      const [service = ""] = services;
      const failing = (chance: number): Row[] =>
        rows.flatMap((row) => {
          if (isOf(service, row) || row.error !== null) return isOf(service, row) ? [row] : [];
          const own = services.find((one) => isOf(one, row));
          return random() < chance ? [row, { ...row, error: `a failure of ${own}` }] : [row];
        });
      const none = toCore((await judge({ services, rows: failing(0), named })).get(service));
      for (const chance of [0.1, 0.6, 1]) {
        const some = toCore((await judge({ services, rows: failing(chance), named })).get(service));
        expect(some).toEqual(none);
      }
    },
  );

  it.each([1, 2, 3, 4, 5, 6])("covers only its own jobs if rows name workers (seed %i)", async (seed) => {
    const { services, rows } = generate(seed + 100);
    // Rows show who works on a queue even if no job runs now.
    const together = await judge({ services, rows, ...(seed % 2 === 0 && { running: [] }) });
    for (const service of services) {
      const own = rows.filter((row) => isOf(service, row));
      const apart = await judge({ services: [service], rows: own });
      const strip = (verdict: DeployVerdict | undefined) => ({
        ...toCore(verdict),
        queues: verdict?.queues.map(({ queue, outcome, reasons, pValue }) => ({ queue, outcome, reasons, pValue })),
      });
      expect(strip(together.get(service))).toEqual(strip(apart.get(service)));
    }
  });
});
