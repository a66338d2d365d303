import { type Principal, toView } from "../../auth/principal.ts";
import type { Deploy } from "../../deploys/state.ts";
import type { DeployVerdict } from "../../deploys/verdict/types.ts";
import { toUnread } from "../../deploys/verdict/verdict.ts";
import { usualWindowSeconds } from "../../deploys/verdict/windows.ts";
import { formatDuration } from "../../facts/format.ts";

/** How long the last complete verdict is used when a new one is incomplete, milliseconds. */
const lastMs = 300_000;
/** The same for a verdict that is worse: nothing has shown that the problem ended. */
const lastRegressedMs = 3_600_000;
/** How many verdicts are remembered at most. */
const mostRemembered = 1000;

interface Remembered {
  readonly verdict: DeployVerdict;
  /** When it was judged, unix milliseconds. */
  readonly at: number;
}

/** The last verdicts over the usual windows; callers with the same view share them. */
export class VerdictMemory {
  readonly #last = new Map<string, Remembered>();

  find(principal: Principal, deploy: Deploy, seconds: number, nowMs: number): Remembered | null {
    const last = this.#last.get(toKey(principal, deploy));
    const standsMs = last?.verdict.outcome === "regressed" ? lastRegressedMs : lastMs;
    return last && seconds === usualWindowSeconds && nowMs - last.at <= standsMs ? last : null;
  }

  /**
   * Remembers a verdict. An incomplete one gives way to the last complete one, unless something is
   * worse, so that every query returns the same. A verdict that did not judge the deploy
   * (`unjudgeable`) is not used again: the deploy is judged now.
   */
  settle(principal: Principal, deploy: Deploy, seconds: number, verdict: DeployVerdict, nowMs: number): DeployVerdict {
    const missing = toMissing(verdict);
    const last = this.find(principal, deploy, seconds, nowMs);
    const stands = last !== null && toMissing(last.verdict) === null && last.verdict.unjudgeable === null;
    if (stands && missing !== null) {
      // Returned, but not remembered: once nothing is worse, the last complete one applies again.
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
