import { maySee } from "../../auth/principal.ts";
import { type Container, toContainerKey } from "../../containers/container.ts";
import type { ContainerEvent, EventBatch } from "../../containers/events.ts";
import type { ContainerListing, EngineStatus } from "../../containers/source.ts";
import type { DeployInfo } from "../../deploys/deploy.ts";
import { needsDeploy, withDeploy } from "../../deploys/release.ts";
import type { OpsContext } from "../context.ts";
import { type ContainerFilter, ofEngine, selectEngines } from "./loader.ts";

/** Changes since the previous message. A client that applies them has the current list. */
export interface ContainersChange {
  /** True in the first message: `changed` is the whole list. */
  readonly snapshot: boolean;
  /** New and changed containers, in list order. */
  readonly changed: readonly Container[];
  readonly removed: readonly Pick<Container, "engine" | "fullId" | "name">[];
  /** Current status of all requested engines. */
  readonly engines: readonly EngineStatus[];
  /** Why the stream ended, as in LogBatch. */
  readonly ended: string | null;
}

interface Wanted extends ContainerFilter {
  readonly accepts: (container: Container) => boolean;
}

/** The list of containers, then its changes. `engines` shows engines that do not answer; their containers are stale for a minute, then removed. */
export async function* watchContainers(
  { sources, loaders, principal }: OpsContext,
  { accepts, includeAccessories, engine }: Wanted,
  signal: AbortSignal,
): AsyncGenerator<ContainersChange, void> {
  let sent: ReadonlyMap<string, Container> = new Map();
  let sentState: string | null = null;
  let made: readonly [ContainerListing["containers"], DeployInfo | null] | null = null;
  for await (const _ of sources.containers.changes(signal)) {
    // Also for the fields of this message: nothing from the previous one is reused.
    loaders.forget();
    // Usually nothing has changed: this check is cheap.
    const warm = sources.containers.listCached();
    const deploy = warm?.containers.some(needsDeploy) ? await loaders.deploy.known() : null;
    if (
      warm &&
      warm.containers === made?.[0] &&
      deploy === made[1] &&
      toState(ofEngine(selectEngines(principal, warm.engines), engine).shown) === sentState
    )
      continue;
    made = warm && [warm.containers, deploy];
    const known = await loaders.containers.known(includeAccessories);
    if (signal.aborted) break;
    const now = new Map(known.containers.filter(accepts).map((container) => [toContainerKey(container), container]));
    const changed = [...now.values()].filter((container) => !isSame(container, sent.get(toContainerKey(container))));
    const removed = [...sent.values()].filter((container) => !now.has(toContainerKey(container)));
    const { shown } = ofEngine(known.engines, engine);
    const state = toState(shown);
    sent = now;
    if (changed.length === 0 && removed.length === 0 && state === sentState) continue;
    const isFirst = sentState === null;
    sentState = state;
    yield { snapshot: isFirst, changed, removed, engines: shown, ended: null };
  }
  if (typeof signal.reason === "string") yield { snapshot: false, changed: [], removed: [], engines: [], ended: signal.reason };
}

/** Whether each engine answers, as text. */
function toState(engines: readonly EngineStatus[]): string {
  return JSON.stringify(engines.map(({ name, ok, error }) => [name, ok, error?.code]));
}

/** Text of a row, computed once for all subscribers. A new `observedAt` is no change. */
const textOf = new WeakMap<Container, string>();

function isSame(container: Container, before: Container | undefined): boolean {
  return before !== undefined && (container === before || toText(container) === toText(before));
}

function toText(container: Container): string {
  const known = textOf.get(container);
  if (known !== undefined) return known;
  const text = JSON.stringify({ ...container, observedAt: null });
  textOf.set(container, text);
  return text;
}

/** Events of the accepted containers; resolves once the engines are watched. */
export async function followEvents(context: OpsContext, accepts: (container: Container) => boolean, signal: AbortSignal) {
  const { containers } = context.sources;
  // Subscribe before listing: events during the request are not lost.
  const batches = containers.events(({ container }) => accepts(container), signal);
  await containers.list(signal);
  return forCaller(context, batches);
}

/** Names releases as the list of containers does, and only engines that the caller may see. */
async function* forCaller(
  { loaders, principal }: OpsContext,
  batches: AsyncIterable<EventBatch>,
): AsyncGenerator<EventBatch, void> {
  const listShown = async (names: readonly string[]) => {
    if (names.length === 0 || maySee(principal, null)) return names;
    const { shown } = await loaders.containers.engines();
    return names.filter((engine) => shown.some(({ name }) => name === engine));
  };
  const withReleases = async (events: readonly ContainerEvent[]) => {
    if (!events.some(({ container }) => needsDeploy(container))) return events;
    const toInfo = await loaders.containers.infoFor();
    return events.map((event) => ({ ...event, container: withDeploy(event.container, toInfo(event.container)) }));
  };
  for await (const batch of batches) {
    loaders.forget();
    const [interrupted, events] = [await listShown(batch.interrupted), await withReleases(batch.events)];
    if (interrupted === batch.interrupted && events === batch.events) yield batch;
    else if (interrupted.length > 0 || events.length > 0 || batch.ended !== null) yield { ...batch, events, interrupted };
  }
}
