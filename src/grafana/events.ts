import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import type { PayloadName, Row } from "./filters.ts";
import { type Answer, byTime, type Column, type Metric } from "./metric.ts";

/** The fields of a deploy that its annotation needs. */
interface Deploy {
  readonly time: string;
  readonly tag: string;
  readonly deployed_by: string | null;
  readonly state: string;
}

interface Deploys {
  readonly nodes: readonly Deploy[];
}

/** The part of `timeline` that all its metrics request. */
interface Timeline {
  /** Newest first. */
  readonly entries: readonly {
    readonly time: string;
    readonly kind: string;
    readonly message: string;
    readonly to?: string | null;
    readonly requested?: boolean;
  }[];
  readonly truncated: boolean;
  readonly coverage: readonly {
    readonly kind: string;
    readonly known: boolean;
    readonly since: string | null;
    readonly sampled: boolean;
    readonly note: string | null;
  }[];
}

/** Deploys: a table, and annotations from its columns `time`, `title`, `text` and `tags`. */
export function deploys<Data extends Answer & { readonly rows: Deploys | null }, Variables>(
  name: string,
  label: string,
  document: TypedDocumentNode<Data, Variables>,
  columns: readonly Column[],
  payloads: readonly PayloadName[],
): Metric {
  const toRows = ({ rows }: Answer): readonly Row[] | null =>
    (rows as Deploys | null)?.nodes.map((deploy) => ({ ...deploy, ...toDeployTexts(deploy) })).toSorted(byTime) ?? null;
  return {
    name,
    label,
    document: document as never,
    payloads,
    columns,
    values: {},
    toRows,
    toRemarks: toDeployRemarks,
  };
}

/** The limit in the document. */
const mostDeploys = 100;

/** The answer does not say whether the range has more: a full list may be cut. */
function toDeployRemarks({ rows }: Answer): string[] {
  return (rows as Deploys).nodes.length < mostDeploys ? [] : [`Only the newest ${mostDeploys} of this range`];
}

function toDeployTexts({ tag, deployed_by: by, state }: Deploy) {
  return {
    title: state === "failed" ? "Failed deploy" : "Deploy",
    text: by ? `${tag} by ${by}` : tag,
    tags: `deploy,${state}`,
  };
}

/** Of annotations, by kind. */
const titles: Readonly<Record<string, string>> = {
  restart: "Restart",
  container_death: "Container ended",
  oom_kill: "Out of memory",
  health: "Container unhealthy",
  queue_state: "Queue",
  host_alert: "Host",
};

/** Good states of containers, queues and hosts. */
const goodStates: ReadonlySet<string> = new Set(["healthy", "starting", "ok"]);

/**
 * Entries of the timeline, as a table and as annotations. Requested changes and recoveries are no
 * alerts.
 */
export function happenings<Data extends { readonly rows: Timeline | null }, Variables>(
  name: string,
  label: string,
  document: TypedDocumentNode<Data, Variables>,
  columns: readonly Column[],
  payloads: readonly PayloadName[],
): Metric {
  const toRows = ({ rows }: Answer): readonly Row[] | null =>
    (rows as Timeline | null)?.entries
      .toReversed()
      .filter(({ requested, to }) => requested !== true && !goodStates.has(to ?? ""))
      .map((entry) => ({ ...entry, title: titles[entry.kind] ?? label, text: entry.message, tags: entry.kind }))
      .toSorted(byTime) ?? null;
  return {
    name,
    label,
    document: document as never,
    payloads,
    columns,
    values: {},
    toRows,
    toRemarks: toHappeningRemarks,
  };
}

/** The gaps in an answer, each once for all its kinds. */
function toHappeningRemarks({ rows }: Answer, from: string): string[] {
  const { truncated, coverage } = rows as Timeline;
  const gaps = Map.groupBy(coverage, (one) => toGap(one, from));
  gaps.delete("");
  const missing = [...gaps].map(([gap, of]) => `${of.map(({ kind }) => kind).join(", ")}: ${gap}`);
  return truncated ? ["Only the newest 500 of this range", ...missing] : missing;
}

/** What is missing of one kind; "" when nothing is. Sampled kinds are not a gap. */
function toGap({ known, since, sampled, note }: Timeline["coverage"][number], from: string): string {
  if (!known) return `nothing is known${note ? ` (${note})` : ""}`;
  const begun = since !== null && Date.parse(since) > Date.parse(from) ? [`known since ${since}`] : [];
  return [...begun, ...(note === null || sampled ? [] : [note])].join("; ");
}
