import { RE2JS, RE2Set } from "re2js";
import { maxInstructions, patternBytes } from "./rule.ts";

/** A search that was interrupted. */
export interface SearchRest {
  /** Where it goes on in its text. */
  readonly at: number;
  /** The instructions of the pattern that it has reached there. */
  readonly reached: readonly number[];
  /** Flags of the automaton's state there; null where it had no room for its states. */
  readonly flag: number | null;
}

/**
 * Whether the text matches; or, as soon as `isLate` returns true, the state to go on from. It
 * checks every few characters, so one call takes hardly longer than its caller allows, whatever the
 * pattern and the text, and each call makes progress.
 */
export type Search = (text: string, from: SearchRest | null, isLate: () => boolean) => boolean | SearchRest;

/** The parts of re2js's compiled pattern that we use. */
interface Instruction {
  readonly op: number;
  readonly out: number;
  readonly arg: number;
  matchRune(rune: number): boolean;
}
interface Program {
  readonly start: number;
  numInst(): number;
  getInst(at: number): Instruction;
}
/** A set of instructions, with the states that may follow by class of the next character. */
interface State {
  readonly isMatch: boolean;
  readonly flag: number;
  readonly nfaStates: readonly number[];
  readonly next: readonly (State | null)[] | null;
}
/**
 * Its deterministic automaton, made state by state in limited memory. Returns null where that
 * thrashes.
 */
interface Automaton {
  readonly numClasses: number;
  runeClass(rune: number): number;
  getState(instructions: readonly number[], flag: number, ids: readonly number[]): State | null;
  start(input: { context(at: number): number; step(at: number): number }, at: number): State | null;
  stepOrReset(
    state: State,
    runeClass: number,
    rune: number,
    anchor: number,
    at: number,
    search: { resetPos: number },
  ): State | null;
}

/** Instruction numbers of re2js. */
const op = { alternative: 1, alternativeMatch: 2, capture: 3, context: 4, match: 6, nothing: 7, rune: 8, lastRune: 11 };
/** Conditions of an instruction on the characters around a place, as re2js numbers them. */
const context = { lineBegin: 1, lineEnd: 2, textBegin: 4, textEnd: 8, wordBoundary: 16, noWordBoundary: 32 };
/** Stands for the character before a text, and for the one after it. */
const none = -1;
const newline = 10;
/** Characters between two checks of the clock, where each may take microseconds. */
const step = 16;

/**
 * Null for a pattern that is invalid or too long. re2js compiles it and provides the automaton; its
 * own search would go on to the end of a text without a pause, even after a match.
 */
export function createSearch(
  pattern: string,
  { ignoreCase, isWhole }: { readonly ignoreCase: boolean; readonly isWhole: boolean },
): Search | null {
  try {
    if (RE2JS.compile(pattern).programSize() > maxInstructions) return null;
  } catch {
    return null;
  }
  // A set with one pattern: only the memory of a set can be limited.
  const anchor = isWhole ? RE2Set.ANCHOR_BOTH : RE2Set.UNANCHORED;
  const set = new RE2Set(anchor, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0, patternBytes);
  set.add(pattern);
  set.compile();
  const automaton = set.dfa as unknown as Automaton;
  const simulate = createSimulation(set.prog, isWhole);
  return (text, from, isLate) => {
    const found = from?.flag === null ? from : runAutomaton(automaton, text, from, { isWhole, isLate });
    return typeof found === "boolean" || found.flag !== null ? found : simulate(text, found, isLate);
  };
}

/**
 * A character takes nanoseconds, unless it needs a new state. Ends early where there is no room for
 * another state.
 */
function runAutomaton(
  automaton: Automaton,
  text: string,
  from: SearchRest | null,
  { isWhole, isLate }: { readonly isWhole: boolean; readonly isLate: () => boolean },
): boolean | SearchRest {
  const anchor = isWhole ? RE2Set.ANCHOR_BOTH : RE2Set.UNANCHORED;
  const search = { resetPos: -1 };
  const first = from
    ? automaton.getState(from.reached, from.flag ?? 0, [])
    : automaton.start({ context: (at) => toContext(text, at), step: () => none }, 0);
  if (first === null) return { at: 0, reached: [], ...from, flag: null };
  let state = first;
  const begin = from?.at ?? 0;
  for (let at = begin; at < text.length;) {
    const rune = text.codePointAt(at) as number;
    const runeClass = automaton.runeClass(rune);
    let next = isWhole ? null : (state.next?.[runeClass] ?? null);
    if (next === null) {
      if (at > begin && isLate()) return { at, reached: state.nfaStates, flag: state.flag };
      next = automaton.stepOrReset(state, runeClass, rune, anchor, at, search);
      if (next === null) return { at, reached: state.nfaStates, flag: null };
    }
    state = next;
    // A state tells whether the one before it was the end of a match.
    if (state.isMatch && !isWhole) return true;
    if (isWhole && state.nfaStates.length === 0) return false;
    at += rune > 0xffff ? 2 : 1;
  }
  const last = automaton.stepOrReset(state, automaton.numClasses, none, anchor, text.length, search);
  return last === null ? { at: text.length, reached: state.nfaStates, flag: null } : last.isMatch;
}

/**
 * Pike's simulation: tracks for each instruction whether it is reached. The time of a character
 * grows with their number.
 */
function createSimulation(program: Program, isWhole: boolean) {
  const size = program.numInst();
  const instructions = Array.from({ length: size }, (_, at) => program.getInst(at));
  let [now, next] = [createReached(size), createReached(size)];
  const stack: number[] = [];
  /**
   * Also adds everything that follows it without a character; `around` is the context of the place.
   */
  const add = (set: Reached, from: number, around: number): void => {
    stack.push(from);
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      if (at === 0 || !set.add(at)) continue;
      const { op: kind, out, arg } = instructions[at] as Instruction;
      if (kind === op.alternative || kind === op.alternativeMatch) stack.push(arg, out);
      else if (kind === op.capture || kind === op.nothing) stack.push(out);
      else if (kind === op.context && (arg & ~around) === 0) stack.push(out);
      else if (kind === op.match) set.hasMatch = true;
    }
  };
  const begin = (text: string, { at, reached }: SearchRest) => {
    now.clear();
    for (const one of reached) add(now, one, toContext(text, at));
  };
  const read = (rune: number, around: number) => {
    next.clear();
    for (let index = 0; index < now.size; index += 1) {
      const one = instructions[now.at(index)] as Instruction;
      if (one.op >= op.rune && one.op <= op.lastRune && one.matchRune(rune)) add(next, one.out, around);
    }
    if (!isWhole) add(next, program.start, around);
    [now, next] = [next, now];
  };
  return (text: string, from: SearchRest, isLate: () => boolean): boolean | SearchRest => {
    begin(text, from);
    let { at } = from;
    for (let count = 1; at < text.length; count += 1) {
      if (now.hasMatch && !isWhole) return true;
      if (now.size === 0) return false;
      const rune = text.codePointAt(at) as number;
      at += rune > 0xffff ? 2 : 1;
      read(rune, toContext(text, at));
      if (count % step === 0 && isLate()) return { at, reached: now.list(), flag: null };
    }
    return now.hasMatch;
  };
}

/** A set of instructions, as a sparse set: it is emptied at no cost. */
type Reached = ReturnType<typeof createReached>;

function createReached(most: number) {
  const places = new Int32Array(most);
  const members = new Int32Array(most);
  return {
    size: 0,
    hasMatch: false,
    /** False when it was there already. */
    add(one: number): boolean {
      const place = places[one] as number;
      if (place < this.size && members[place] === one) return false;
      places[one] = this.size;
      members[this.size] = one;
      this.size += 1;
      return true;
    },
    at: (index: number) => members[index] as number,
    list() {
      return [...members.subarray(0, this.size)];
    },
    clear() {
      this.size = 0;
      this.hasMatch = false;
    },
  };
}

/** The conditions that the characters before and after a place fulfil. */
function toContext(text: string, at: number): number {
  const [before, after] = [at > 0 ? text.charCodeAt(at - 1) : none, at < text.length ? text.charCodeAt(at) : none];
  return (
    (before === none ? context.textBegin | context.lineBegin : 0) |
    (before === newline ? context.lineBegin : 0) |
    (after === none ? context.textEnd | context.lineEnd : 0) |
    (after === newline ? context.lineEnd : 0) |
    (isWordUnit(before) === isWordUnit(after) ? context.noWordBoundary : context.wordBoundary)
  );
}

/** Words are ASCII: half of a surrogate pair belongs to none. */
function isWordUnit(unit: number): boolean {
  return (
    (unit >= 0x61 && unit <= 0x7a) || (unit >= 0x41 && unit <= 0x5a) || (unit >= 0x30 && unit <= 0x39) || unit === 0x5f
  );
}
