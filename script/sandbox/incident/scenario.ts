import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { redisContainer, runnerContainer, webContainer } from "../kamal.ts";
import { sandboxQueues } from "../queues.ts";
import { currentAgo, previousAgo, type Scenario, toDeploy } from "../scenario.ts";
import { payoutsWorker, previousWorker, workerContainer } from "./containers.ts";
import { settlementKind, settlementsSql } from "./settlements.ts";

const oldAgo = 26 * 3_600_000;

/**
 * A bad release: since its deploy `pos_settlement` fails, and then, six minutes after the start,
 * stalls because its workers hang; `payouts-worker` restarts in a loop. All else works as in
 * `healthyScenario`. The records of jobs and deploys reach back before the start; containers and
 * their logs begin with it. Makes the folders through which jobs reach the logs of their workers'
 * containers.
 *
 * @param folder private folder of the sandbox
 */
export function incidentScenario(startedAt: Date, folder: string): Scenario {
  const [old, good, bad] = [
    toDeploy(startedAt, oldAgo, 58),
    toDeploy(startedAt, previousAgo, 63),
    toDeploy(startedAt, currentAgo, 61),
  ];
  const previous = previousWorker(good.version);
  const workers = [1, 2].map((replica) => {
    const own = join(folder, `worker-${replica}`);
    mkdirSync(own);
    const container = workerContainer(bad.version, own, replica);
    return { folder: own, container, host: container.host };
  });
  return {
    containers: [
      webContainer(good.version, { running: false }),
      previous,
      webContainer(bad.version),
      webContainer(bad.version, { replica: 2 }),
      runnerContainer(bad.version),
      ...workers.map(({ container }) => container),
      payoutsWorker(bad.version),
      redisContainer(),
    ],
    deploys: [old, good, bad],
    queues: sandboxQueues.filter(({ name }) => name !== settlementKind),
    settlements: {
      sql: settlementsSql(startedAt, [
        // Its container is gone.
        { since: old.at, hosts: [previousWorker(old.version).host] },
        { since: good.at, hosts: [previous.host] },
        { since: bad.at, hosts: workers.map(({ host }) => host) },
      ]),
      workers: workers.map(({ folder: own, host }) => ({ folder: own, host })),
    },
  };
}
