/** One hostile request, of a token that may read. */
export interface Attack {
  readonly path: string;
  /** Absent: GET. */
  readonly body?: string;
  /** Time before the answer is read, ms. */
  readonly stallMs?: number;
  /** Time after which the client leaves, ms. */
  readonly leaveMs?: number;
}

const rest = "/api/v1/admin/ops";
const random = (most: number) => Math.floor(Math.random() * most);
const container = () => {
  const index = random(50);
  return `wallet-core-${index % 2 ? "web" : "worker"}-staging-${index}`;
};
const graphql = (query: string): Attack => ({ path: "/graphql", body: JSON.stringify({ query }) });
const times = (count: number, make: (index: number) => string, between = " ") =>
  Array.from({ length: count }, (_, n) => make(n)).join(between);

/** A range that no request used before. */
function toRange(hours: number): { readonly from: string; readonly to: string } {
  const end = Date.now() - random(3_600_000);
  return { from: new Date(end - hours * 3_600_000).toISOString(), to: new Date(end).toISOString() };
}

function grafana(targets: readonly object[], more: object = {}): Attack {
  return {
    path: "/grafana/query",
    body: JSON.stringify({ range: toRange(3), maxDataPoints: 11_000, targets, ...more }),
  };
}

const hostile = () =>
  ["(a?){38}a{38}", "\\w{1,95}\\d", "(.*a.{180})*b", "[a-q][^u-z]{180}x", "(\\b.{0,90}\\B)x"][random(5)] ?? "";
const escaped = () => JSON.stringify(hostile());
const series = ["host_cpu_util", "host_mem_util", "host_disk_util", "host_load1"];
const fieldsOf = (alias: string) =>
  `${alias}n: name ${alias}i: image ${alias}h: host ${alias}v: version ${alias}r: role`;

/**
 * Every known way to cost the gateway much work or memory. Without budgets each of them ended or
 * blocked it, or came close.
 */
export const attacks: Readonly<Record<string, () => Attack>> = {
  manyFilters: () =>
    grafana([{ target: "queue_depth" }], {
      filters: Array.from({ length: 1000 }, () => ({ key: "queue", operator: "=~", value: hostile() })),
    }),
  hostileFilters: () =>
    grafana(
      Array.from({ length: 50 }, (_, n) => ({ refId: `${n}`, target: n % 2 ? "containers" : "queues" })),
      {
        filters: Array.from({ length: 20 }, () => ({
          key: pick(["queue", "container", "version"]),
          operator: "=~",
          value: `${hostile()}|.*`,
        })),
      },
    ),
  manyTargets: () =>
    grafana(
      Array.from({ length: 20 }, (_, index) => ({
        refId: `${index}`,
        target: series[index % 4],
        payload: { host: ["host-1", "host-2", "host-3", "host-4"] },
      })),
    ),
  allHosts: () => grafana([{ refId: "A", target: "host_cpu_util", payload: { step: "1" } }]),
  queuePast: () => grafana([{ refId: "A", target: "queue_depth", payload: { step: random(2) ? "1" : "5" } }]),
  queuePasts: () =>
    grafana(
      ["queue_depth", "queue_failures", "queue_oldest_age", "queue_processed_per_sec"].map((target) => ({
        refId: target,
        target,
      })),
    ),
  containerPast: () =>
    grafana([
      { refId: "A", target: "container_cpu_pct" },
      { refId: "B", target: "container_mem_pct" },
    ]),
  deepBody: () => ({ path: "/grafana/query", body: `{"targets":${"[".repeat(100_000)}${"]".repeat(100_000)}}` }),
  wideBody: () => ({
    path: "/grafana/query",
    body: JSON.stringify({
      targets: [
        { target: "queue_depth", payload: { queue: Array.from({ length: 60_000 }, (_, index) => `q${index}`) } },
      ],
    }),
  }),
  longSeries: () => {
    const { from, to } = toRange(3);
    return graphql(
      `{ ${times(15, (index) => `a${index}: hostCpuUtil(from: "${from}", to: "${to}", step: 1) { time host value }`)} }`,
    );
  },
  autoSeries: () => {
    const { from, to } = toRange(12);
    return graphql(
      `{ hostCpuUtil(from: "${from}", to: "${to}", maxPoints: 11000) { ${times(14, (index) => `a${index}: time`)} value } }`,
    );
  },
  hostPasts: () =>
    graphql(`
      {
        hosts {
          name
          history(from: "3h", step: 60) {
            points {
              time
              cpuUtil
              memUtil
              diskUtil
              load1
            }
          }
        }
      }
    `),
  allLogs: () => graphql("{ containers { name logs(tail: 4000) { lines { message } } } }"),
  fewerLogs: () => graphql(`{ containers { name logs(tail: ${200 + random(300)}) { lines { timestamp message } } } }`),
  roleLogs: () =>
    graphql(`
      {
        logs(role: "web", tail: 5000) {
          lines {
            timestamp
            message
            container {
              name
              version
            }
          }
        }
      }
    `),
  longLines: () => ({ path: `${rest}/containers/${container()}/logs?tail=5000` }),
  sameLine: () =>
    graphql(
      `{ container(name: "${container()}") { logs(tail: 3000) { lines { ${times(14, (index) => `a${index}: message`)} } } } }`,
    ),
  logSearch: () =>
    graphql(
      `{ ${times(5, () => `a${random(1e6)}: container(name: "${container()}") { logs(tail: 5, searchRegex: ${escaped()}) { lines { message } } }`)} }`,
    ),
  logScan: () => ({ path: `${rest}/containers/${container()}/logs?tail=5000&search=nothing-has-this` }),
  wideRows: () =>
    graphql(`{ containers { ${fieldsOf("a")} deploy { containers { ${fieldsOf("b")} ${fieldsOf("c")} } } } }`),
  joins: () =>
    graphql(`
      {
        containers {
          name
          deploy {
            containers {
              name
              statsHistory {
                sampledAt
              }
            }
          }
        }
      }
    `),
  failures: () =>
    graphql(
      `{ queues { ${times(random(3) ? 1 : 10, (index) => `e${index}: errors(first: ${index === 0 ? 90 : 20}) { error count jobIds }`)} } }`,
    ),
  newDocument: () =>
    graphql(
      `{ ${times(230, (index) => `n${index}_${random(1e9)}: __typename`).slice(0, 3000)} } # ${"x".repeat(55_000)}${random(1e9)}`,
    ),
  largeDocument: () =>
    graphql(
      `{ containers { ${times(60, (index) => `... on Container { name role deploy { currentTag } x${index}: image }`)} } } #${random(1e9)}${"y".repeat(40_000)}`,
    ),
  badDocument: () => graphql(`{ ${"containers { name } ".repeat(240)} } # ${"z".repeat(50_000)}${random(1e9)}`),
  metrics: () => ({ path: "/metrics?stats=1" }),
  slowReader: () => ({ path: `${rest}/containers/wallet-core-web-staging-1/logs?tail=4900`, stallMs: 20_000 }),
  slowGraphql: () => ({
    ...graphql(`
      {
        logs(role: "web", tail: 5000) {
          lines {
            message
          }
        }
      }
    `),
    stallMs: 20_000,
  }),
  leaves: () => ({
    ...graphql(`
      {
        containers {
          name
          logs(tail: 600) {
            lines {
              message
            }
          }
        }
      }
    `),
    leaveMs: 50 + random(500),
  }),
  follows: () => ({
    path: `${rest}/containers/${container()}/logs?follow=true&tail=5000&search_regex=${encodeURIComponent(hostile())}`,
    leaveMs: 5000,
  }),
};

function pick<T>(choices: readonly T[]): T {
  return choices[random(choices.length)] as T;
}
