import { createPatience } from "../lib/patience.ts";
import type { QueueSource } from "./queue.ts";
import type { KindSource } from "./system.ts";

type Identified = Pick<QueueSource, "kind" | "place"> & Pick<KindSource, "identify">;

/** The identity of what a source reads. */
interface Identity {
  readonly ask: (signal: AbortSignal) => Promise<readonly string[]>;
  /** Null until the source has answered. */
  ids: readonly string[] | null;
}

/**
 * How long an answer is used, milliseconds; after that another server may be behind the address.
 */
const againMs = 60_000;
const deadlineMs = 10_000;

/**
 * Finds sources that read the same as an earlier source in the list, under another name of the
 * database or broker. Each source is asked before it is first compared, and again each minute in
 * the background. A source that cannot tell what it reads is no duplicate.
 */
export function createDuplicates<Source extends Identified>() {
  const identities = new Map<Source, Identity>();
  let askAgainAt = performance.now() + againMs;

  const learn = async (source: Source, signal: AbortSignal) => {
    if (!source.identify) return;
    const identity = identities.get(source) ?? { ask: createPatience(source.identify), ids: null };
    identities.set(source, identity);
    // If a source does not answer, its own reads fail and report it.
    identity.ids ??= await identity.ask(signal).catch(() => null);
  };
  /** Replaces all ids at once, because a server that has restarted has other ids. */
  const learnAgain = async () => {
    const known = [...identities.values()].filter(({ ids }) => ids !== null);
    const answers = await Promise.all(
      known.map(({ ask, ids }) => ask(AbortSignal.timeout(deadlineMs)).catch(() => ids)),
    );
    for (const [index, identity] of known.entries()) identity.ids = answers[index] ?? identity.ids;
  };
  const compare = (sources: readonly Source[]) => {
    const first = new Map<string, Source>();
    const duplicates = new Map<Source, Source>();
    for (const source of sources) {
      const ids = identities.get(source)?.ids ?? [];
      const others = ids.flatMap((id) => first.get(id) ?? []);
      const earlier = others.find(({ place }) => place !== source.place);
      if (earlier) duplicates.set(source, earlier);
      else for (const id of ids) if (!first.has(id)) first.set(id, source);
    }
    return duplicates;
  };

  /** The sources that are duplicates, each with the first one that reads the same. */
  return async (listed: readonly Source[], signal: AbortSignal): Promise<ReadonlyMap<Source, Source>> => {
    const kinds = Map.groupBy(listed, ({ kind }) => kind);
    const hasOther = ({ kind, place }: Source) => kinds.get(kind)?.some((other) => other.place !== place) ?? false;
    const compared = listed.filter(hasOther);
    await Promise.all(compared.map((source) => learn(source, signal)));
    if (performance.now() >= askAgainAt) {
      askAgainAt = performance.now() + againMs;
      void learnAgain();
    }
    return compare(compared);
  };
}
