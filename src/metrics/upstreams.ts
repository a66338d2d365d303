import type { ErrorCode, OpsError } from "../errors.ts";
import type { MetricsQuery } from "../generated/metrics.ts";
import { toLabels } from "./exposition.ts";
import type { Table } from "./tables.ts";

interface UpstreamRow {
  readonly upstream: string;
  /** Null where that is not for this token to see, or where there is nothing to read. */
  readonly up: boolean | null;
}

export const upstreamTable: Table<UpstreamRow> = {
  prefix: "ops_upstream",
  maxRows: 10,
  labels: ({ upstream }) => toLabels({ upstream }),
  columns: [
    {
      name: "ops_upstream_up",
      help:
        "Whether its families could be read for this scrape: docker and queues where any engine or source answers. " +
        "Absent where the token may not see them, no database or broker is configured, or no deploy_info.json is there.",
      value: ({ up }) => up,
    },
  ],
};

type Part = readonly [upstream: string, field: "containers" | "queues" | "hosts" | "deployInfo", codes: RegExp];

const parts: readonly Part[] = [
  ["docker", "containers", /^docker_/],
  ["queues", "queues", /^(?:queues?|postgres|schema)_/],
  ["prometheus", "hosts", /^prometheus_/],
  ["deploy", "deployInfo", /^deploy_info_(?:invalid|unreadable)$/],
];

/** Codes that tell of no outage. */
const quiet: ReadonlySet<ErrorCode> = new Set(["forbidden", "deploy_info_missing"]);

/** Whether each upstream could be asked, by what its field became: a null one has its code among the errors. */
export function toUpstreamRows(data: Partial<MetricsQuery>, errors: readonly OpsError[]): readonly UpstreamRow[] {
  const isQuiet = errors.some(({ code }) => quiet.has(code));
  return parts.map(([upstream, field, codes]) => {
    const answer = data[field];
    if (answer) return { upstream, up: isFresh(data, field) };
    const own = errors.filter(({ code }) => codes.test(code));
    const isAbsent = own.length === 0 ? isQuiet : own.every(({ unconfigured }) => unconfigured);
    return { upstream, up: isAbsent ? null : false };
  });
}

/** What is only remembered is no answer; null for a token that may see no engine. */
function isFresh({ engines, deployInfo }: Partial<MetricsQuery>, field: Part[1]): boolean | null {
  if (field === "deployInfo") return !deployInfo?.stale;
  if (field !== "containers" || !engines) return true;
  return engines.length === 0 ? null : engines.some(({ ok }) => ok);
}
