import * as is from "../fields.ts";
import type { PanelSpec } from "../model.ts";
import { stat, type TableSpec } from "../panels.ts";
import { troubledQueueStates } from "../../../src/facts/queue.ts";
import { by, countDrift, counts, graphql } from "../targets.ts";

/** Hosts that are down or hot. */
export const badHosts: PanelSpec = stat({
  title: "Bad hosts",
  description:
    "Hosts at or above the CPU or memory threshold of the gateway, or whose node-exporter does not answer. Machines have no environment.",
  targets: [counts("{ hosts { alert } }", { hosts: "data.hosts.#(alert==true)#" })],
  thresholds: is.anyIsBad,
  leadsTo: "/d/ops-containers",
});

/** Containers that are unhealthy, restarting or not running. */
export const badContainers: PanelSpec = stat({
  title: "Unhealthy containers",
  description:
    "Core containers by their problem: unhealthy by their health check, restarting now, not running, or looping: restarted at least 3 times by the policy in 15 minutes (of all destinations). Beside them those that run: blue if none does.",
  targets: [
    counts(`{ containers(${by.place}) { status health } problems(${by.env}) { problems { kind } } }`, {
      unhealthy: 'data.containers.#(health=="UNHEALTHY")#',
      restarting: 'data.containers.#(status=="restarting")#',
      exited: 'data.containers.#(status=="exited")#',
      running: 'data.containers.#(status=="running")#',
      looping: 'data.problems.problems.#(kind=="CONTAINER_RESTART_LOOP")#',
    }),
  ],
  thresholds: is.anyIsBad,
  presence: "running",
  leadsTo: "/d/ops-containers",
});

/** Queues that somebody should look at. */
export const badQueues: PanelSpec = stat({
  title: "Queues in trouble",
  description:
    "Queues by state: stalled and no_workers finish no job, in failing ones half of the ended jobs failed, backlog ones fall behind, and in unknown ones jobs fail while nobody knows how many succeed. Beside them all that are known: blue if none is.",
  targets: [
    counts(`{ queues(${by.env}) { state } }`, {
      ...Object.fromEntries(
        troubledQueueStates.map((state) => [state.toLowerCase(), `data.queues.#(state=="${state}")#`]),
      ),
      known: "data.queues",
    }),
  ],
  thresholds: is.anyIsBad,
  presence: "known",
  leadsTo: "/d/ops-queues",
});

/** Engines and queue sources that do not answer. */
export const silent: PanelSpec = stat({
  title: "Cannot be asked",
  description:
    "Container engines that do not answer, queue sources that cannot be read, and what What is wrong now could not check. Their state is unknown, and other panels do not show it. No number at all: the gateway itself does not answer.",
  targets: [
    counts(`{ engines(${by.env}) { ok } queueSources(${by.env}) { numbersOk } problems(${by.env}) { gaps } }`, {
      engines: "data.engines.#(ok==false)#",
      sources: "data.queueSources.#(numbersOk==false)#",
      unchecked: "data.problems.gaps",
    }),
  ],
  thresholds: is.anyIsBad,
  leadsTo: "/d/ops-containers",
});

/** Differences between the running and the deployed releases. */
export const drifted: PanelSpec = stat({
  title: "Release drift",
  description:
    "What Grafana's alert OpsReleaseDrift counts (that of Prometheus only the first): roles on several releases, a release that was not deployed, leftovers, engines that a deploy missed. Not those of a deploy in progress. An engine of which nothing is known counts under Cannot be asked.",
  targets: [countDrift(`(${by.place})`)],
  thresholds: is.anyIsBad,
  leadsTo: "/d/ops-deploys",
});

/** The last deploy: its release, state, person and time. */
export const lastDeploy: TableSpec = {
  title: "Last deploy",
  description: "Many problems begin there: compare with the marks on the graphs.",
  target: graphql({
    query: `{ deploys(first: 1, ${by.place}) { nodes { tag state deployedBy deployedAt service destination env } } }`,
    root: "data.deploys.nodes",
    columns: {
      tag: "string",
      state: "string",
      deployedBy: "string",
      deployedAt: "timestamp",
      service: "string",
      destination: "string",
      env: "string",
    },
  }),
  worstFirst: "deployedAt",
  columns: [
    { field: "tag", name: "Release", link: { title: "All deploys, and ${__value.raw}", url: "/d/ops-deploys" } },
    { field: "state", name: "State", states: is.deployStates, width: 110 },
    { field: "deployedBy", name: "By", width: 130 },
    { field: "deployedAt", name: "When", unit: "dateTimeFromNow", width: 140 },
    { field: "service", name: "Service", width: 150 },
    { field: "destination", name: "Destination", width: 110 },
    { field: "env", name: "Environment", states: is.environments, width: 110 },
  ],
};

/** Whether it is worse than the previous one. */
export const verdict: PanelSpec = stat({
  title: "Verdict",
  description:
    "Of the last deploy. Compares the half hour after the deploy with the half hour before: failures and waiting and running times of each queue, restarts, health, new errors. regressed: consider a rollback; Deploys has the numbers.",
  targets: [
    graphql({
      query: `{ deploys(first: 1, ${by.place}) { nodes { verdict { outcome } } } }`,
      root: "data.deploys.nodes",
      columns: { "verdict.outcome": "string" },
    }),
  ],
  fields: "/.*/",
  states: is.outcomes,
  leadsTo: "/d/ops-deploys",
});
