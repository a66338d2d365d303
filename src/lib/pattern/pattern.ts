import type { Budget } from "../budget/budget.ts";
import type { Matched } from "./match.ts";
import { type Asker, createMatcher } from "./matcher.ts";
import { isShort, maxTextLength } from "./rule.ts";
import type { SearchRest } from "./search.ts";

/** A regular expression that takes linear time on any text. */
export interface LinePattern {
  /**
   * Whether each text matches. Rejects with the signal's reason as soon as it aborts, or as
   * `Matcher.match` does.
   */
  match(texts: readonly string[], signal: AbortSignal): Promise<readonly boolean[]>;
}

interface PatternOptions {
  readonly ignoreCase?: boolean;
  /** It must match the whole text. */
  readonly isWhole?: boolean;
}

/** One thread for all patterns of this process. */
const matcher = createMatcher();

/** The error's advice when a request's time is up while it waits for a match. */
const simpler = "its regular expression was still being matched: use a simpler one";

/** At most so much is sent to the thread at once: sending takes this thread's time. */
const most = { texts: 1000, characters: 65_536 };

/**
 * Compiles RE2 syntax; case-sensitive unless `ignoreCase` or `(?i)` says otherwise. Null when it
 * breaks `patternRule`. A caller's pattern never becomes a JavaScript expression, which can take
 * exponential time, and never runs in this thread. Rejects as `match` does.
 */
export async function compileLinePattern(
  pattern: string,
  { ignoreCase = false, isWhole = false }: PatternOptions,
  budget: Asker & Pick<Budget, "signal"> & Partial<Pick<Budget, "during">>,
): Promise<LinePattern | null> {
  if (!isShort(pattern, ignoreCase)) return null;
  const ask = (texts: readonly string[], rest: SearchRest | null, until: AbortSignal) => {
    const work = () => matcher.match({ pattern, ignoreCase, isWhole, texts, rest }, budget, until);
    return budget.during?.(simpler, work) ?? work();
  };
  if ((await ask([], null, budget.signal)).matched === null) return null;
  return {
    async match(texts, until) {
      const matched: boolean[] = [];
      for (let from: SearchRest | null = null; matched.length < texts.length;) {
        const some: Matched = await ask(takeSome(texts, matched.length), from, until);
        if (some.matched === null) throw new Error("A pattern that was compiled is refused");
        for (const one of some.matched) matched.push(one);
        from = some.rest;
      }
      return matched;
    },
  };
}

/** The next texts, each cut to the part that a pattern reads. */
function takeSome(texts: readonly string[], from: number): string[] {
  const some: string[] = [];
  let characters = 0;
  for (let at = from; at < texts.length && some.length < most.texts; at += 1) {
    const text = (texts[at] as string).slice(0, maxTextLength);
    characters += text.length;
    if (some.length > 0 && characters > most.characters) break;
    some.push(text);
  }
  return some;
}

/** Ends the thread of patterns. A later pattern starts another one. */
export function closePatterns(): Promise<void> {
  return matcher.close();
}
