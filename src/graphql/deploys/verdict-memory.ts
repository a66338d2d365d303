import { type Principal, toView } from "../../auth/principal.ts";
import type { Deploy } from "../../deploys/state.ts";
import type { DeployVerdict } from "../../deploys/verdict/types.ts";
import { toUnread } from "../../deploys/verdict/verdict.ts";
import { usualWindowSeconds } from "../../deploys/verdict/windows.ts";
import { formatDuration } from "../../facts/format.ts";

/** So long the last whole one counts where a new one is not whole, milliseconds. */
const lastMs = 300_000;
/** The same of one that is worse: what was wrong has not been seen to end. */
const lastRegressedMs = 3_600_000;
/** Verdicts that are remembered, at most. */
const mostRemembered = 1000;

interface Remembered {
  readonly verdict: DeployVerdict;
  /** When it was judged, unix milliseconds. */
  readonly at: number;
}

/** The last verdicts over the usual windows; callers who may see the same share them. */
export class VerdictMemory {
  readonly #last = new Map<string, Remembered>();

  find(principal: Principal, deploy: Deploy, seconds: number, nowMs: number): Remembered | null {
    const last = this.#last.get(toKey(principal, deploy));
    const standsMs = last?.verdict.outcome === "regressed" ? lastRegressedMs : lastMs;
    return last && seconds === usualWindowSeconds && nowMs - last.at <= standsMs ? last : null;
  }

  /**
   * Remembers a verdict. One for which something was not read gives way to the last one for which
   * all was, unless something is worse: every query then says the same. One of a deploy that was
   * not judged at all (`unjudgeable`) does not stand: the deploy is judged now.
   */
  settle(principal: Principal, deploy: Deploy, seconds: number, verdict: DeployVerdict, nowMs: number): DeployVerdict {
    const missing = toMissing(verdict);
    const last = this.find(principal, deploy, seconds, nowMs);
    const stands = last !== null && toMissing(last.verdict) === null && last.verdict.unjudgeable === null;
    if (stands && missing !== null) {
      // It is said, and not remembered: once nothing is worse, the last whole one stands again.
      if (verdict.outcome === "regressed") return verdict;
      const age = formatDuration(Math.max(0, nowMs - last.at) / 1000);
      return { ...last.verdict, gaps: [...last.verdict.gaps, `judged ${age} ago: ${missing}`] };
    }
    if (verdict.unfinished !== null || seconds !== usualWindowSeconds) return verdict;
    const key = toKey(principal, deploy);
    this.#last.delete(key);
    this.#last.set(key, { verdict, at: nowMs });
    const [oldest] = this.#last.keys();
    if (this.#last.size > mostRemembered && oldest !== undefined) this.#last.delete(oldest);
    return verdict;
  }
}

/** What was not read for a verdict; null where all was. */
function toMissing({ unfinished, unread }: DeployVerdict): string | null {
  return unfinished ?? (unread.length > 0 ? toUnread(unread) : null);
}

function toKey(principal: Principal, { service, destination, env, ambiguous, tag, deployedAt }: Deploy): string {
  return JSON.stringify([toView(principal), service, destination, env, ambiguous, tag, deployedAt]);
}
