import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { OpsError } from "../errors.ts";
import {
  GrafanaContainerOptionsDocument,
  GrafanaHostOptionsDocument,
  GrafanaQueueOptionsDocument,
} from "../generated/grafana.ts";

/** Rows of a fixed document, each a record of columns. */
export type Row = Readonly<Record<string, unknown>>;

/** What metrics can be narrowed by: a column, or a label, of this name. */
export interface Dimension {
  readonly name: string;
  readonly label: string;
  readonly type: "string" | "number";
  /** Where its values are read, as rows with a column of its name. Without: `values`. */
  readonly document?: TypedDocumentNode<never, never>;
  readonly values?: readonly string[];
}

const ofQueues = { type: "string", document: GrafanaQueueOptionsDocument as never } as const;
const ofContainers = { type: "string", document: GrafanaContainerOptionsDocument as never } as const;
const ofHosts = { type: "string", document: GrafanaHostOptionsDocument as never } as const;

/** Every dimension. A new one is a line here, and a column of its name in the metrics that have it. */
export const dimensions: readonly Dimension[] = [
  { name: "queue", label: "Queue", ...ofQueues },
  { name: "source", label: "Queue source", ...ofQueues },
  { name: "state", label: "State of a queue or deploy", ...ofQueues },
  { name: "env", label: "Environment", ...ofContainers },
  { name: "role", label: "Role", ...ofContainers },
  { name: "destination", label: "Kamal destination", ...ofContainers },
  { name: "container", label: "Container", ...ofContainers },
  { name: "engine", label: "Container engine", ...ofContainers },
  { name: "health", label: "Health of a container", ...ofContainers },
  { name: "status", label: "Status of a container or host", ...ofContainers },
  { name: "version", label: "Release of a container", ...ofContainers },
  { name: "host", label: "Host", ...ofHosts },
  { name: "kind", label: "Kind", type: "string", values: ["host", "engine", "queue_source", "container"] },
  { name: "depth", label: "Depth of a queue", type: "number", values: [] },
  { name: "count", label: "Failures of a queue error", type: "number", values: [] },
  { name: "restarts", label: "Restarts of a container", type: "number", values: [] },
];

const byName = new Map(dimensions.map((dimension) => [dimension.name, dimension]));

/** Throws invalid_request, with the names there are, for an unknown one. */
export function getDimension(name: string): Dimension {
  const found = byName.get(name);
  if (found) return found;
  throw new OpsError("invalid_request", `Unknown filter key ${quote(name)}; known: ${[...byName.keys()].join(", ")}`);
}

/** A caller's word, short enough for a message. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
}
