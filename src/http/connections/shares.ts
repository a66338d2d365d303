/** An item's place in a Queue. */
class Link<T> {
  previous: Link<T> | null = null;
  next: Link<T> | null = null;
  readonly item: T;

  constructor(item: T) {
    this.item = item;
  }
}

/**
 * First in, first out; an item can leave from any place. Each operation takes constant time and
 * allocates nothing.
 */
class Queue<T> {
  first: Link<T> | null = null;
  last: Link<T> | null = null;

  append(link: Link<T>): void {
    link.previous = this.last;
    if (this.last) this.last.next = link;
    else this.first = link;
    this.last = link;
  }

  remove(link: Link<T>): void {
    const { previous, next } = link;
    if (previous) previous.next = next;
    else this.first = next;
    if (next) next.previous = previous;
    else this.last = previous;
    link.previous = link.next = null;
  }
}

/** A share's number of connections, and its place among the shares with the same number. */
class Count {
  value = 0;
  readonly link: Link<Share>;
  constructor(share: Share) {
    this.link = new Link(share);
  }
}

/**
 * Finds the share that has most. Of several, the one that reached its number first: a share that
 * just grew comes last.
 */
class Ranking {
  readonly #byValue = [new Queue<Share>()];
  #most = 0;

  /** Constant time, because a number changes by one. */
  step(count: Count, by: 1 | -1): void {
    if (count.value > 0) this.#byValue[count.value]?.remove(count.link);
    count.value += by;
    if (count.value > 0) (this.#byValue[count.value] ??= new Queue()).append(count.link);
    if (count.value > this.#most) this.#most = count.value;
    else if (!this.#byValue[this.#most]?.first) this.#most = Math.max(0, this.#most - 1);
  }

  get largest(): Share | null {
    return this.#byValue[this.#most]?.first?.item ?? null;
  }
}

/**
 * What a connection does: `new` has sent no request yet, `pending` has one whose sender is being
 * verified, `busy` has one in progress, `idle` waits for the next one.
 */
export type Phase = "new" | "pending" | "busy" | "idle";

/** A connection, as its share sees it. */
export abstract class Member {
  share: Share | null = null;
  phase: Phase = "new";
  readonly link = new Link<Member>(this);
  abstract close(): void;
}

/** What a share counts: all of its connections, the new ones, the idle ones. */
export type Counted = "open" | "new" | "idle";

interface Group extends Readonly<Record<Counted, Ranking>> {
  readonly parts: Map<string, Share>;
}

/**
 * The connections of one network or one holder of a token, or of a group of them. A group has
 * parts, and the parts have the connections. Each change, and each search for the part with most,
 * takes time that depends only on the depth.
 */
export class Share {
  readonly name: string;
  readonly #parent: Share | null;
  #group: Group | null = null;
  readonly #counts: Readonly<Record<Counted, Count>> = {
    open: new Count(this),
    new: new Count(this),
    idle: new Count(this),
  };
  readonly #phases: Readonly<Record<Phase, Queue<Member>>> = {
    new: new Queue(),
    pending: new Queue(),
    busy: new Queue(),
    idle: new Queue(),
  };

  constructor(name: string, parent: Share | null = null) {
    this.name = name;
    this.#parent = parent;
  }

  get open(): number {
    return this.#counts.open.value;
  }

  get new(): number {
    return this.#counts.new.value;
  }

  get idle(): number {
    return this.#counts.idle.value;
  }

  /** The part of this name; a new one lasts while it has a connection. */
  part(name: string): Share {
    return this.#group?.parts.get(name) ?? new Share(name, this);
  }

  /**
   * The part with the most connections (all, new or idle), and of its parts again the one with
   * most; itself where it has no parts. Null if it has none of them.
   */
  largest(counted: Counted): Share | null {
    if (this.#counts[counted].value === 0) return null;
    return this.#group === null ? this : (this.largestPart(counted)?.largest(counted) ?? null);
  }

  /** Its direct part with the most connections (all, new or idle). Null without such a part. */
  largestPart(counted: Counted): Share | null {
    return this.#group?.[counted].largest ?? null;
  }

  /**
   * The busy member whose turn it is: parts take turns, and each starts with its oldest member. A
   * part that may not have its turn now keeps it. Null if there is nobody.
   */
  takeTurn(may: (part: Share) => boolean = () => true): Member | null {
    if (this.#group === null) return this.#phases.busy.first?.item ?? null;
    const { parts } = this.#group;
    for (const part of parts.values()) {
      if (!may(part)) continue;
      parts.delete(part.name);
      parts.set(part.name, part);
      return part.takeTurn();
    }
    return null;
  }

  add(member: Member): void {
    member.share = this;
    this.#join();
    this.#count("open", 1);
    this.#enter(member);
  }

  remove(member: Member): void {
    this.#exit(member);
    this.#count("open", -1);
    this.#leave();
    member.share = null;
  }

  /** Makes the member the newest one of this phase. */
  setPhase(member: Member, phase: Phase): void {
    this.#exit(member);
    member.phase = phase;
    this.#enter(member);
  }

  /**
   * The member that gives way to another one. Of new and of idle ones it is the oldest; of all it
   * is the longest idle one, else the newest busy one, so that a long answer reaches its end, and
   * only then one that is being verified, or new.
   */
  leastUseful(counted: Counted): Member | null {
    const { new: fresh, pending, busy, idle } = this.#phases;
    if (counted !== "open") return this.#phases[counted].first?.item ?? null;
    return (idle.first ?? busy.last ?? pending.first ?? fresh.first)?.item ?? null;
  }

  #enter({ phase, link }: Member): void {
    this.#phases[phase].append(link);
    if (phase === "new" || phase === "idle") this.#count(phase, 1);
  }

  #exit({ phase, link }: Member): void {
    this.#phases[phase].remove(link);
    if (phase === "new" || phase === "idle") this.#count(phase, -1);
  }

  #count(counted: Counted, by: 1 | -1): void {
    const count = this.#counts[counted];
    if (this.#parent === null) {
      count.value += by;
      return;
    }
    this.#parent.#group?.[counted].step(count, by);
    this.#parent.#count(counted, by);
  }

  #join(): void {
    if (this.#parent === null || this.open > 0) return;
    this.#parent.#join();
    this.#parent.#group ??= { parts: new Map(), open: new Ranking(), new: new Ranking(), idle: new Ranking() };
    this.#parent.#group.parts.set(this.name, this);
  }

  #leave(): void {
    if (this.#parent === null || this.open > 0) return;
    this.#parent.#group?.parts.delete(this.name);
    this.#parent.#leave();
  }
}
