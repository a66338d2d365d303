import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { migrateTables } from "../src/audit/postgres/probe.ts";
import { startLargeUpstreams } from "./large-upstreams.ts";
import { startBrokerWorld } from "./servers/broker-world.ts";
import { hostileLabels, manyContainers, manyLabels, startEngineWorld } from "./servers/engine-worlds.ts";
import { regionAnswers, regionMessages, startRegionWorld } from "./servers/region-world.ts";

/** Asks the gateway: the status, or with a code. */
export type Send = (method: "GET" | "POST", path: string, body?: object, accept?: string) => Promise<string>;

/** Something that the gateway is measured at. */
interface Line {
  readonly name: string;
  readonly run: (send: Send) => Promise<string | void>;
}

/**
 * A gateway, or a fleet, with upstreams that are large or hostile in another way than those of the
 * first lines.
 */
export interface World {
  readonly name: string;
  /** @default "serve" */
  readonly command?: "fleet";
  readonly lines: readonly string[];
  readonly start: (
    folder: string,
    stack: AsyncDisposableStack,
  ) => Promise<{ readonly env: Readonly<Record<string, string>>; readonly lines: readonly Line[] }>;
}

const rest = "/api/v1/admin/ops";
const get = (name: string, path: string): Line => ({ name, run: (send) => send("GET", path) });
const post = (name: string, query: string, accept?: string): Line => ({
  name,
  run: (send) => send("POST", "/graphql", { query }, accept),
});
const wait = (name: string, ms: number): Line => ({ name, run: () => sleep(ms) });
const containersOf = (path: string): Readonly<Record<string, string>> => ({
  WALLET_CORE_OPS_DOCKER_HOSTS: `web-0=unix://${path}`,
});
const doors = [
  get("GET /containers", `${rest}/containers`),
  get("GET /metrics", "/metrics"),
  post("POST /graphql, containers", "{ containers { name role env status health image } }"),
  post("POST /graphql, problems", "{ problems { problems { title } } }"),
];

/** Begins to watch: the first list, and all inspections that it waits for. */
const fill = (seconds: number): Line => ({
  name: "the first list, and inspections",
  async run(send) {
    await send("GET", `${rest}/containers`);
    await sleep(seconds * 1000);
  },
});

const list = (lines: readonly Line[]) => lines.map(({ name }) => name);

const tenThousand = [
  fill(10),
  ...doors,
  get("GET /containers with statistics", `${rest}/containers?include_stats=true`),
];
const labels = [fill(3), ...doors];
const hostile = [fill(4), ...doors];
const broker = [
  get("GET /queues", `${rest}/queues`),
  post("POST /graphql, queues", "{ queues { name depth } }"),
  get("GET /metrics", "/metrics"),
  wait("10 s at rest", 10_000),
];
const shared = ["4,500 hosts go down", "4,500 hosts come back"];
const subscription = 'subscription { containers(region: "eu") { changed { id name } ended } }';

export const worlds: readonly World[] = [
  {
    name: "10,000 containers",
    lines: [...list(tenThousand), "10,000 events at once", "32 s at rest, with a list"],
    async start(folder, stack) {
      const path = join(folder, "many.sock");
      const engine = stack.use(await startEngineWorld(manyContainers(10_000), path));
      const events = {
        name: "10,000 events at once",
        async run() {
          engine.emitAll(10_000);
          await sleep(8000);
        },
      };
      return { env: containersOf(path), lines: [...tenThousand, events, wait("32 s at rest, with a list", 32_000)] };
    },
  },
  {
    name: "280,000 labels",
    lines: [...list(labels), "events of 1 MB", "answers that come byte by byte"],
    async start(folder, stack) {
      const path = join(folder, "labels.sock");
      const engine = stack.use(await startEngineWorld(manyLabels(), path));
      const events = {
        name: "events of 1 MB",
        async run() {
          for (let count = 0; count < 5; count += 1) engine.emit(70_000);
          await sleep(4000);
        },
      };
      const drips = {
        name: "answers that come byte by byte",
        async run() {
          engine.drip();
          engine.emit(0);
          await sleep(4000);
        },
      };
      return { env: containersOf(path), lines: [...labels, events, drips] };
    },
  },
  {
    name: "hostile labels",
    lines: list(hostile),
    async start(folder, stack) {
      const path = join(folder, "hostile.sock");
      stack.use(await startEngineWorld(hostileLabels(1000), path));
      return { env: containersOf(path), lines: hostile };
    },
  },
  {
    name: "20,000 queues of RabbitMQ",
    lines: list(broker),
    async start(folder, stack) {
      const { url } = stack.use(await startBrokerWorld(20_000));
      return { env: { ...containersOf(join(folder, "none.sock")), WALLET_CORE_OPS_RABBITMQ_URL: url }, lines: broker };
    },
  },
  {
    name: "a shared state",
    lines: ["15 s with 4,500 hosts", ...shared],
    async start(folder, stack) {
      const upstreams = stack.use(await startLargeUpstreams(join(folder, "shared")));
      const url = upstreams.env.WALLET_CORE_OPS_DATABASE_URL;
      await migrateTables(url);
      const turn = (name: string, areDown: boolean): Line => ({
        name,
        async run() {
          upstreams.setDown(areDown);
          await sleep(15_000);
        },
      });
      const [down = "", back = ""] = shared;
      return {
        env: { ...containersOf(join(folder, "none.sock")), ...upstreams.env, WALLET_CORE_OPS_STATE_URL: url },
        lines: [wait("15 s with 4,500 hosts", 15_000), turn(down, true), turn(back, false)],
      };
    },
  },
  {
    name: "a region",
    command: "fleet",
    lines: [...Object.keys(regionAnswers), ...Object.keys(regionMessages)],
    async start(_folder, stack) {
      const region = stack.use(await startRegionWorld());
      const answers = Object.entries(regionAnswers).map(([name, text]): Line => ({
        name,
        run(send) {
          region.say(text);
          return send("POST", "/graphql", { query: "{ containers { name id } }" });
        },
      }));
      const messages = Object.entries(regionMessages).map(([name, text]): Line => ({
        name,
        run(send) {
          region.send(text);
          return send("POST", "/graphql", { query: subscription }, "text/event-stream");
        },
      }));
      return { env: { WALLET_CORE_OPS_REGIONS: `eu=${region.url}` }, lines: [...answers, ...messages] };
    },
  },
];
