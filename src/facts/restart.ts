import { formatFirst } from "../lib/text.ts";
import type { Tone } from "./tone.ts";

/** A sentence about what a restart affects. */
export interface RestartFact {
  readonly tone: Tone;
  readonly text: string;
}

interface Peers {
  /** Null without the right to read. */
  readonly lastHealthy: boolean | null;
  /** Other healthy containers of its role; null without the right to read. */
  readonly healthyPeers: number | null;
}

/** Whether others of its role serve while a container restarts. */
export function describePeers({ lastHealthy, healthyPeers }: Peers): RestartFact {
  if (lastHealthy === null || healthyPeers === null)
    return { tone: "neutral", text: "Unknown whether other containers keep serving: this token lacks ops:read." };
  if (lastHealthy)
    return {
      tone: "bad",
      text: "This is the last healthy container of its role: nothing serves while it restarts.",
    };
  if (healthyPeers === 0) return { tone: "warn", text: "No other container of its role is healthy." };
  const text =
    healthyPeers === 1
      ? "1 other container of its role is healthy."
      : `${healthyPeers} other containers of its role are healthy.`;
  return { tone: "ok", text };
}

interface Work<Job> {
  /** Null when no job system records which jobs are running in it. */
  readonly jobs: readonly Job[] | null;
  readonly total: number | null;
  readonly gaps: readonly { readonly source: string | null; readonly reason: string }[];
}

/**
 * The jobs that a restart interrupts, and why there may be more.
 *
 * @param work null without the right to read
 */
export function describeWork<Job>(work: Work<Job> | null): {
  readonly facts: readonly RestartFact[];
  /** Those that the first fact counts. */
  readonly jobs: readonly Job[];
  /** All of them: `jobs` may be cut. */
  readonly total: number;
} {
  if (!work)
    return {
      facts: [{ tone: "neutral", text: "Unknown whether jobs are running in it: this token lacks ops:read." }],
      jobs: [],
      total: 0,
    };
  const { jobs, total, gaps } = work;
  const facts: RestartFact[] = [];
  if (total === 0) facts.push({ tone: "ok", text: "No jobs are running in it." });
  if (total !== null && total > 0)
    facts.push({
      tone: "warn",
      text: `${total === 1 ? "1 job is" : `${total} jobs are`} running in it and will be interrupted:`,
    });
  const doubt = jobs === null ? "Unknown whether jobs are running in it" : "More jobs may be running in it";
  if (gaps.length > 0) facts.push({ tone: "neutral", text: `${doubt}: ${toGapText(gaps)}.` });
  else if (jobs === null) facts.push({ tone: "neutral", text: "No job system records which jobs are running in it." });
  return { facts, jobs: jobs ?? [], total: total ?? 0 };
}

/** The gaps, those with the same reason together. */
function toGapText(gaps: Work<unknown>["gaps"]): string {
  return [...Map.groupBy(gaps, ({ reason }) => reason)]
    .map(([reason, some]) => {
      const sources = some.map(({ source }) => source).filter((source) => source !== null);
      const names = formatFirst(sources, 3);
      return names ? `${names}: ${reason}` : reason;
    })
    .join("; ");
}
