import type { Container, ContainerKind, WarmListing } from "../../domain/container.ts";
import type { Engine, EngineView } from "./engine.ts";
import type { Snapshot } from "./inventory.ts";

export interface Lister {
  list(signal: AbortSignal): Promise<WarmListing>;
  /** As ContainerSource.kept. */
  kept(signal: AbortSignal): Promise<readonly Container[]>;
  /** As ContainerSource.live. */
  live(signal: AbortSignal): Promise<WarmListing>;
  /** Null where an engine must be waited for. */
  peek(): WarmListing | null;
}

/** Puts the engines' snapshots into one list: core containers first, then by name and engine. Sorted again only when one has changed. */
export function createLister(engines: readonly Engine[]): Lister {
  let snapshots: readonly (Snapshot | null)[] = [];
  let containers: readonly Container[] = [];
  const toListing = (views: readonly EngineView[]): WarmListing => {
    if (views.some(({ snapshot }, index) => snapshot !== snapshots[index])) {
      snapshots = views.map(({ snapshot }) => snapshot);
      containers = snapshots.flatMap((snapshot) => snapshot?.visible ?? []).toSorted(byKindAndName);
    }
    return { containers, engines: views.map(({ status }) => status) };
  };
  const viewAll = (signal: AbortSignal) => Promise.all(engines.map(async (engine) => engine.view(signal)));
  return {
    list: async (signal) => toListing(await viewAll(signal)),
    kept: async (signal) => (await viewAll(signal)).flatMap(({ snapshot }) => snapshot?.kept() ?? []),
    async live(signal) {
      const views = await viewAll(signal);
      const live = views.flatMap(({ snapshot }) => snapshot?.live() ?? []);
      return { containers: live, engines: views.map(({ status }) => status) };
    },
    peek() {
      const views = engines.map((engine) => engine.peek());
      return views.every((view) => view !== null) ? toListing(views) : null;
    },
  };
}

const rank: Readonly<Record<ContainerKind, number>> = { core: 0, accessory: 1, other: 2 };

function byKindAndName(a: Container, b: Container): number {
  if (a.kind !== b.kind) return rank[a.kind] - rank[b.kind];
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.engine < b.engine ? -1 : 1;
}
