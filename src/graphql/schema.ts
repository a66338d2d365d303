import type { GraphQLSchema } from "graphql";
import { createBuilder } from "./builder.ts";
import { createRefs } from "./refs.ts";
import { withBudget } from "./with-budget.ts";
import { addAudit } from "./types/audit.ts";
import { addContainer } from "./types/container.ts";
import { addContainerChanges } from "./types/container-changes.ts";
import { addContainerEvents } from "./types/container-events.ts";
import { addContainerHistory } from "./types/container-history.ts";
import { addDeployInfo } from "./types/deploy-info.ts";
import { addDeployVerdict } from "./types/deploy-verdict.ts";
import { addDeploys } from "./types/deploy.ts";
import { addDrift } from "./types/drift.ts";
import { addEngine } from "./types/engine.ts";
import { addErrorGroups } from "./types/error-group.ts";
import { addHealthCheck } from "./types/health-check.ts";
import { addHost } from "./types/host.ts";
import { addHostHistory } from "./types/host-history.ts";
import { addJobControl } from "./types/job-control.ts";
import { addJobErrors } from "./types/job-error.ts";
import { addLogFollow } from "./types/log-follow.ts";
import { addLogs } from "./types/log.ts";
import { addOrphans } from "./types/orphan.ts";
import { addQueue } from "./types/queue.ts";
import { addQueueHistory } from "./types/queue-history.ts";
import { addRestart } from "./types/restart.ts";
import { addRoleLogFollow } from "./types/role-log-follow.ts";
import { addRoleLogs } from "./types/role-log.ts";
import { addRoleRestart } from "./types/role-restart.ts";
import { addRunningWork } from "./types/running-work.ts";
import { addScalars } from "./types/scalars.ts";
import { addContainerSeries } from "./types/series-container.ts";
import { addHostSeries } from "./types/series-host.ts";
import { addQueueSeries } from "./types/series-queue.ts";
import { addUpSeries } from "./types/series-up.ts";
import { addStats } from "./types/stats.ts";
import { addTimeline } from "./types/timeline.ts";

const types = [
  addContainer,
  addContainerChanges,
  addContainerEvents,
  addStats,
  addContainerHistory,
  addContainerSeries,
  addHealthCheck,
  addLogs,
  addLogFollow,
  addRoleLogs,
  addRoleLogFollow,
  addRestart,
  addRunningWork,
  addRoleRestart,
  addJobControl,
  addAudit,
  addEngine,
  addQueue,
  addQueueHistory,
  addQueueSeries,
  addJobErrors,
  addErrorGroups,
  addOrphans,
  addHost,
  addHostHistory,
  addHostSeries,
  addUpSeries,
  addDeployInfo,
  addDeploys,
  addDeployVerdict,
  addDrift,
  addTimeline,
] as const;

/** The whole schema. A new type is one file in types/ and one line above. */
export function createSchema(): GraphQLSchema {
  const builder = createBuilder();
  builder.queryType({
    description:
      "Live state of containers, queues, hosts and deploys. A root field is null, with a code in its error, when its upstream is down.",
    authScopes: { read: true },
  });
  builder.mutationType({
    description: "Actions: one for each operation, each left in the audit record.",
    authScopes: { operate: true },
  });
  builder.subscriptionType({
    description: "What happens from now on, over server-sent events; 5 at a time for each token.",
    authScopes: { read: true },
  });
  const refs = createRefs(builder);
  const scalars = addScalars(builder);
  for (const add of types) add(builder, refs, scalars);
  return withBudget(builder.toSchema());
}
