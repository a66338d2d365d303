import { LRUCache } from "lru-cache";
import { Member, type Phase, Share } from "./connections/shares.ts";

interface WaitingLineOptions {
  /** Places of the line. */
  readonly limit: number;
  /** Longest wait, ms. */
  readonly waitMs: number;
}

/** In line, one of a suspect counts as so many, and suspects get one turn in so many. */
const handicap = 4;

/** How long a holder stays a suspect, ms, and how many are remembered. */
const [suspectMs, mostSuspects] = [600_000, 10_000];

class Waiting extends Member {
  /** The phase whose oldest one goes first, and whose newest one gives way. */
  override phase: Phase = "busy";
  readonly holder: string;
  readonly settle: (isAdmitted: boolean) => void;

  constructor(holder: string, settle: (isAdmitted: boolean) => void) {
    super();
    this.holder = holder;
    this.settle = settle;
  }

  override close(): void {
    this.settle(false);
  }
}

/**
 * A line that is fair by holder: by token, or by network. Holders take turns, however many requests
 * each has waiting. When the line is full, the newest one of the holder with most gives way; so a
 * holder with one is refused only if every other place has a different holder. Each step takes
 * constant time, apart from holders that may not have a turn.
 *
 * A holder whose work came to nothing is a suspect for ten minutes. Others get three of four turns,
 * and one of a suspect counts as four. So senders of junk soon make way for newcomers, even with
 * many networks; and those who shared a network with them still get their turn.
 */
export class WaitingLine {
  readonly #options: WaitingLineOptions;
  readonly #trusted = new Share("trusted");
  readonly #suspects = new Share("suspects");
  /** Until when each holder is a suspect. */
  readonly #suspected = new LRUCache<string, number>({ max: mostSuspects });
  #turns = 0;

  constructor(options: WaitingLineOptions) {
    this.#options = options;
  }

  get length(): number {
    return this.#trusted.open + this.#suspects.open;
  }

  /**
   * Resolves to true when its turn comes, and to false when it waited too long or gave way to
   * another one. The `part` takes turns with the other parts of its holder.
   */
  wait(holder: string, part: string = holder): Promise<boolean> {
    const { limit, waitMs } = this.#options;
    return new Promise((resolve) => {
      const waiting = new Waiting(holder, (isAdmitted) => {
        clearTimeout(timer);
        waiting.share?.remove(waiting);
        resolve(isAdmitted);
      });
      const timer = setTimeout(waiting.settle, waitMs, false);
      const group = performance.now() < (this.#suspected.get(holder) ?? 0) ? this.#suspects : this.#trusted;
      group.part(holder).part(part).add(waiting);
      if (this.length > limit) this.#findVictim(waiting, group).close();
    });
  }

  /**
   * Lets in the next one whose holder may have a turn, and returns its holder. Null if there is
   * nobody.
   */
  admit(may: (holder: string) => boolean = () => true): string | null {
    this.#turns += 1;
    const groups = [this.#trusted, this.#suspects];
    if (this.#turns % handicap === 0) groups.reverse();
    for (const group of groups) {
      const next = group.takeTurn(({ name }) => may(name));
      if (!(next instanceof Waiting)) continue;
      next.settle(true);
      return next.holder;
    }
    return null;
  }

  /** Makes the holder a suspect, with everything of it that waits. */
  suspect(holder: string): void {
    this.#suspected.set(holder, performance.now() + suspectMs);
    for (let next = this.#next(holder); next !== null; next = this.#next(holder)) {
      const part = next.share?.name ?? holder;
      next.share?.remove(next);
      this.#suspects.part(holder).part(part).add(next);
    }
  }

  #next(holder: string): Member | null {
    return this.#trusted.part(holder).takeTurn();
  }

  /**
   * Who gives way to the newcomer: the newcomer itself where its holder, or its part, has as many
   * as any other.
   */
  #findVictim(newcomer: Waiting, group: Share): Member {
    const weigh = (share: Share | null, of: Share) => (share?.open ?? 0) * (of === this.#suspects ? handicap : 1);
    const own = group.part(newcomer.holder);
    let [largest, most] = [own, weigh(own, group)];
    for (const one of [this.#suspects, this.#trusted]) {
      const share = one.largestPart("open");
      if (share === null || weigh(share, one) <= most) continue;
      [largest, most] = [share, weigh(share, one)];
    }
    const part = largest.largest("open");
    if (largest === own && newcomer.share?.open === part?.open) return newcomer;
    return part?.leastUseful("open") ?? newcomer;
  }
}
