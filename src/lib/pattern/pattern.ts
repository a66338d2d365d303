import { type Asker, createMatcher } from "./matcher.ts";
import { isShort, maxTextLength } from "./rule.ts";

/** A regular expression that takes linear time on any text. */
export interface LinePattern {
  /**
   * Of each text whether it matches. Rejects with the signal's reason as soon as it aborts, or as
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

/** At most so much is sent to the thread at once: sending takes time of this one. */
const most = { texts: 1000, characters: 65_536 };

/**
 * Compiles RE2 syntax; case-sensitive unless `ignoreCase` or `(?i)` says otherwise. Null when it
 * breaks `patternRule`. A caller's pattern never becomes a JavaScript expression, which can take
 * exponential time, and never runs in this thread. Rejects as `match` does.
 */
export async function compileLinePattern(
  pattern: string,
  { ignoreCase = false, isWhole = false }: PatternOptions,
  { owner, order, signal }: Asker & { readonly signal: AbortSignal },
): Promise<LinePattern | null> {
  if (!isShort(pattern, ignoreCase)) return null;
  const asker = { owner, order };
  const ask = (texts: readonly string[], until: AbortSignal) =>
    matcher.match({ pattern, ignoreCase, isWhole, texts }, asker, until);
  if ((await ask([], signal)) === null) return null;
  return {
    async match(texts, until) {
      const matched: boolean[] = [];
      while (matched.length < texts.length) {
        const some = await ask(takeSome(texts, matched.length), until);
        if (some === null) throw new Error("A pattern that was compiled is refused");
        for (const one of some) matched.push(one);
      }
      return matched;
    },
  };
}

/** The next texts, as far as a pattern looks at them. */
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
