import type { Tone } from "./tone.ts";

/** What a silent engine runs is unknown: that is as urgent as the problem about it. */
export function toEngineState(ok: boolean): { readonly tone: Tone; readonly word: string } {
  return ok ? { tone: "ok", word: "answers" } : { tone: "bad", word: "does not answer" };
}

/**
 * "engine web-2 does not answer, so its lines are missing: no answer in 5 s".
 *
 * @param name null where the token may not see it
 * @param effect what follows from it
 */
export function explainSilentEngine(name: string | null, message: string | undefined, effect = ""): string {
  const engine = name === null ? "an engine" : `engine ${name}`;
  return `${engine} ${toEngineState(false).word}${effect && `, ${effect}`}: ${message ?? "no reason is known"}`;
}
