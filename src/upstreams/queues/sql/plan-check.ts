import { type Candidate, type Choice, chooseLight, explain, heavyCost, toCost, toPlan } from "./plan.ts";
import type { ReadAllRows } from "./source.ts";

export interface PlanCheckOptions {
  /** As `heavyCost`. */
  readonly cost?: number;
  /** How long a verdict holds, milliseconds: statistics and indexes change. @default 300000 */
  readonly againMs?: number;
  /** How long everything is heavy after a statement ran out of time, milliseconds. @default 60000 */
  readonly distrustMs?: number;
}

export interface PlanCheck {
  /** How each statement shall run. Asks the planner, about all of them at once, when it has not been asked for a while; rejects as `readAll` does. */
  choose(statements: readonly (readonly Candidate[])[], readAll: ReadAllRows): Promise<readonly Choice[]>;
  /** After a failure: the planner is asked again. When a statement ran out of time, the planner was wrong: for a while everything is heavy. */
  forget(ranOutOfTime: boolean): void;
}

/** Asks the planner what statements would cost before they run. A statement has a candidate at least. Nothing is read by that. */
export function createPlanCheck({ cost = heavyCost, againMs = 300_000, distrustMs = 60_000 }: PlanCheckOptions = {}): PlanCheck {
  let kept: { readonly key: string; readonly choices: readonly Choice[]; readonly until: number } | null = null;
  let distrustUntil = -Infinity;
  return {
    async choose(statements, readAll) {
      if (performance.now() < distrustUntil) return statements.map(() => null);
      const key = JSON.stringify(statements);
      if (kept?.key === key && performance.now() < kept.until) return kept.choices;
      const plans = (await readAll(statements.flat().map(({ sql }) => explain(sql)))).values();
      const costs = statements.map((candidates) =>
        candidates.map(({ overrated = 1 }) => toCost(toPlan(plans.next().value ?? [])) / overrated),
      );
      const choices = chooseLight(costs, cost);
      kept = { key, choices, until: performance.now() + againMs };
      return choices;
    },
    forget(ranOutOfTime) {
      kept = null;
      if (ranOutOfTime) distrustUntil = performance.now() + distrustMs;
    },
  };
}
