import * as is from "../fields.ts";
import type { PanelSpec } from "../model.ts";
import { stat } from "../panels.ts";
import { by, countDrift, counts, graphql } from "../targets.ts";

/** Hosts that are down or hot. */
export const badHosts: PanelSpec = stat({
  title: "Hosts hot or down",
  description: "Hosts at or above the CPU or memory threshold of the gateway, or whose node-exporter does not answer.",
  targets: [counts("{ hosts { alert } }", { hosts: "data.hosts.#(alert==true)#" })],
  thresholds: is.anyIsBad,
  leadsTo: "/d/ops-containers",
});

/** Containers that are unhealthy, restarting or not running. */
export const badContainers: PanelSpec = stat({
  title: "Unhealthy containers",
  description: "Core containers by their problem: unhealthy by their health check, restarting, or not running.",
  targets: [
    counts(`{ containers(${by.env}) { status health } }`, {
      unhealthy: 'data.containers.#(health=="UNHEALTHY")#',
      restarting: 'data.containers.#(status=="restarting")#',
      exited: 'data.containers.#(status=="exited")#',
    }),
  ],
  thresholds: is.anyIsBad,
  leadsTo: "/d/ops-containers",
});

/** Queues that are stalled, failing or behind. */
export const badQueues: PanelSpec = stat({
  title: "Queues in trouble",
  description:
    "Queues by state: stalled and no_workers finish no job, in failing ones half of the ended jobs failed, backlog ones fall behind.",
  targets: [
    counts("{ queues { state } }", {
      stalled: 'data.queues.#(state=="STALLED")#',
      no_workers: 'data.queues.#(state=="NO_WORKERS")#',
      failing: 'data.queues.#(state=="FAILING")#',
      backlog: 'data.queues.#(state=="BACKLOG")#',
    }),
  ],
  thresholds: is.anyIsBad,
  leadsTo: "/d/ops-queues",
});

/** Engines and queue sources that do not answer. */
export const silent: PanelSpec = stat({
  title: "Cannot be asked",
  description:
    "Container engines that do not answer, and queue sources that cannot be read. Their state is unknown, and other panels do not show it. No number at all: the gateway itself does not answer.",
  targets: [
    counts("{ engines { ok } queueSources { numbersOk } }", {
      engines: "data.engines.#(ok==false)#",
      queue_sources: "data.queueSources.#(numbersOk==false)#",
    }),
  ],
  thresholds: is.anyIsBad,
  leadsTo: "/d/ops-containers",
});

/** Differences between the running and the deployed releases. */
export const drifted: PanelSpec = stat({
  title: "Release drift",
  description:
    "Differences that are not part of a deploy in progress: roles on several releases, a release that was not deployed, leftovers, engines that a deploy missed.",
  targets: [countDrift(`(${by.env})`)],
  thresholds: is.anyIsBad,
  leadsTo: "/d/ops-deploys",
});

/** The last deploy: its tag, person and time. */
export const lastDeploy: PanelSpec = stat({
  title: "Last deploy",
  description: "Tag, who deployed it, and when. Many problems begin there: compare with the marks on the graphs.",
  targets: [
    graphql({
      query: `{ deploys(first: 1, ${by.env}) { nodes { tag deployedBy deployedAt } } }`,
      root: "data.deploys.nodes",
      columns: { tag: "string", deployedBy: "string", deployedAt: "timestamp" },
    }),
  ],
  fields: "/.*/",
  unitOf: { deployedAt: "dateTimeFromNow" },
  leadsTo: "/d/ops-deploys",
});

/** Whether it is worse than the previous one. */
export const verdict: PanelSpec = stat({
  title: "Verdict of the last deploy",
  description:
    "Compares the half hour after the deploy with the half hour before: failures and waiting and running times of each queue, restarts, health, new errors. regressed: consider a rollback; Deploys has the numbers.",
  targets: [
    graphql({
      query: `{ deploys(first: 1, ${by.env}) { nodes { verdict { outcome } } } }`,
      root: "data.deploys.nodes",
      columns: { "verdict.outcome": "string" },
    }),
  ],
  fields: "/.*/",
  states: is.outcomes,
  leadsTo: "/d/ops-deploys",
});
