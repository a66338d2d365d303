import type { Tool } from "./tool.ts";
import { restart, retryGroup } from "./tools/actions.ts";
import { listContainers, previewRestart } from "./tools/containers.ts";
import { deploys, timeline, verdict } from "./tools/deploys.ts";
import { explainFailure } from "./tools/failure.ts";
import { readLogs, searchLogs } from "./tools/logs.ts";
import { hosts, problems } from "./tools/problems.ts";
import { errors, queues } from "./tools/queues.ts";

/**
 * Every tool, in the order in which clients list them. None takes an address: the gateway asks
 * nobody that its configuration does not name.
 */
export const tools: readonly Tool[] = [
  problems,
  listContainers,
  readLogs,
  searchLogs,
  queues,
  errors,
  explainFailure,
  deploys,
  verdict,
  timeline,
  hosts,
  previewRestart,
  restart,
  retryGroup,
];

/** The documents that the tools run. */
export const toolDocuments = [...new Set(tools.flatMap(({ documents }) => documents))];
