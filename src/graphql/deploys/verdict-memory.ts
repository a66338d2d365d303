import { type Principal, toView } from "../../auth/principal.ts";
import type { Deploy } from "../../deploys/state.ts";
import type { DeployVerdict } from "../../deploys/verdict/types.ts";
import { usualWindowSeconds } from "../../deploys/verdict/windows.ts";
import { formatDuration } from "../../facts/format.ts";

/** So long the last one counts where there was no time for a new one, milliseconds. */
const lastMs = 300_000;
/** Verdicts that are remembered, at most. */
const mostRemembered = 1000;

interface Remembered {
  readonly verdict: DeployVerdict;
  /** When it was judged, unix milliseconds. */
  readonly at: number;
}

/** The last complete verdicts over the usual windows; callers who may see the same share them. */
export class VerdictMemory {
  readonly #last = new Map<string, Remembered>();

  find(principal: Principal, deploy: Deploy, seconds: number, nowMs: number): Remembered | null {
    const last = this.#last.get(toKey(principal, deploy));
    return last && seconds === usualWindowSeconds && nowMs - last.at <= lastMs ? last : null;
  }

  /**
   * Remembers a verdict that is whole. One that is not gives way to the last whole one, unless
   * something is worse: every query then says the same.
   */
  settle(principal: Principal, deploy: Deploy, seconds: number, verdict: DeployVerdict, nowMs: number): DeployVerdict {
    if (verdict.unfinished !== null && verdict.outcome !== "regressed") {
      const last = this.find(principal, deploy, seconds, nowMs);
      if (last === null) return verdict;
      const age = formatDuration(Math.max(0, nowMs - last.at) / 1000);
      return { ...last.verdict, gaps: [...last.verdict.gaps, `judged ${age} ago: ${verdict.unfinished}`] };
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

function toKey(principal: Principal, { service, destination, env, ambiguous, tag, deployedAt }: Deploy): string {
  return JSON.stringify([toView(principal), service, destination, env, ambiguous, tag, deployedAt]);
}
