import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import type { PayloadName, Row } from "./filters.ts";
import { type Answer, byTime, type Column, type Metric } from "./metric.ts";

/** The part of a deploy that its annotation is made of. */
interface Deploy {
  readonly time: string;
  readonly tag: string;
  readonly deployed_by: string | null;
  readonly state: string;
}

/** The part of `timeline` that every metric of it asks for. */
interface Timeline {
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
    readonly note: string | null;
  }[];
}

/** Deploys: a table, and annotations by its columns `time`, `title`, `text` and `tags`. */
export function deploys<Data extends Answer & { readonly rows: readonly Deploy[] | null }, Variables>(
  name: string,
  label: string,
  document: TypedDocumentNode<Data, Variables>,
  columns: readonly Column[],
  payloads: readonly PayloadName[],
): Metric {
  const toRows = ({ rows }: Answer): readonly Row[] | null =>
    (rows as readonly Deploy[] | null)?.map((deploy) => ({ ...deploy, ...toDeployTexts(deploy) })).toSorted(byTime) ?? null;
  return { name, label, document: document as never, payloads, columns, values: {}, toRows, toRemarks: toDeployRemarks };
}

/** As many as the document asks for. */
const mostDeploys = 100;

/** Whether the range has more is not told: then there are at least so many. */
function toDeployRemarks({ rows }: Answer): string[] {
  return (rows as readonly Deploy[]).length < mostDeploys ? [] : [`No more than the newest ${mostDeploys} of this range`];
}

function toDeployTexts({ tag, deployed_by: by, state }: Deploy) {
  return { title: state === "failed" ? "Failed deploy" : "Deploy", text: by ? `${tag} by ${by}` : tag, tags: `deploy,${state}` };
}

/** States of containers, queues and hosts that are no trouble. */
const goodStates: ReadonlySet<string> = new Set(["healthy", "starting", "ok"]);

/** Entries of the timeline, as a table and as annotations. What somebody asked for, and what became well, is no alert. */
export function happenings<Data extends { readonly rows: Timeline | null }, Variables>(
  name: string,
  label: string,
  document: TypedDocumentNode<Data, Variables>,
  columns: readonly Column[],
  payloads: readonly PayloadName[],
): Metric {
  const toRows = ({ rows }: Answer): readonly Row[] | null =>
    (rows as Timeline | null)?.entries
      .filter(({ requested, to }) => requested !== true && !goodStates.has(to ?? ""))
      .map((entry) => ({ ...entry, title: label, text: entry.message, tags: entry.kind }))
      .toSorted(byTime) ?? null;
  return { name, label, document: document as never, payloads, columns, values: {}, toRows, toRemarks: toHappeningRemarks };
}

/** What is missing of a range. */
function toHappeningRemarks({ rows }: Answer, from: string): string[] {
  const { truncated, coverage } = rows as Timeline;
  const missing = coverage.flatMap(({ kind, known, since, note }) => {
    if (!known) return `${kind}: nothing is known of it${note ? ` (${note})` : ""}`;
    return since !== null && Date.parse(since) > Date.parse(from) ? `${kind}: known since ${since}` : [];
  });
  return truncated ? ["Only the newest 500 of this range", ...missing] : missing;
}
