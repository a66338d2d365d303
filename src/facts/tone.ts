/**
 * How good a state is. ok: as it should be. warn: somebody should look today. bad: somebody must
 * act now. neutral: none of these, because it is over, off or unknown.
 */
export type Tone = "ok" | "warn" | "bad" | "neutral";

/** Best first. Unknown is neither good nor bad. */
const tones: readonly Tone[] = ["ok", "neutral", "warn", "bad"];

/** The worst of several; "ok" of none. */
export function toWorst(all: readonly Tone[]): Tone {
  return tones.findLast((tone) => all.includes(tone)) ?? "ok";
}

/**
 * The tone of a number of failures, dead jobs, orphans or restarts: any above 0 needs attention.
 */
export function toTroubleTone(count: number | null | undefined): Tone {
  return count ? "warn" : "neutral";
}

/** The tone of each state of a kind of thing, by the state's name in the schema, worst first. */
export type States = Readonly<Record<string, Tone>>;

/**
 * The tone of a state. Neutral for a state that is not listed, such as one of a newer gateway.
 *
 * @param state in either case: Docker and `/metrics` write states in lower case
 */
export function toToneOf(states: States, state: string | null | undefined): Tone {
  const name = state?.toUpperCase() ?? "";
  return (Object.hasOwn(states, name) && states[name]) || "neutral";
}

/**
 * The position of a state in its list: 0 for the worst; after all others for a state that is not
 * listed.
 */
export function toPlaceOf(states: States, state: string): number {
  const place = Object.keys(states).indexOf(state.toUpperCase());
  return place < 0 ? Number.MAX_SAFE_INTEGER : place;
}
