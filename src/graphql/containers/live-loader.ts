import { maySee } from "../../auth/principal.ts";
import { type Container, toContainerKey } from "../../containers/container.ts";
import type { ContainerEvent, EventBatch } from "../../containers/events.ts";
import { selectEngines } from "../../containers/known-engines.ts";
import type { EngineStatus, InspectedListing } from "../../containers/source.ts";
import type { DeployInfo } from "../../deploys/deploy.ts";
import { needsDeploy, withDeploy } from "../../deploys/release.ts";
import type { OpsContext } from "../context.ts";
import type { ContainerFilter } from "./filter.ts";

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
  let made: readonly [InspectedListing["containers"], DeployInfo | null] | null = null;
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
      toState(selectEngines(principal, warm.engines).shown, engine) === sentState
    )
      continue;
    made = warm && [warm.containers, deploy];
    const known = await loaders.containers.known(includeAccessories);
    if (signal.aborted) break;
    const now = new Map(known.containers.filter(accepts).map((container) => [toContainerKey(container), container]));
    const changed = [...now.values()].filter((container) => !isSame(container, sent.get(toContainerKey(container))));
    const removed = [...sent.values()].filter((container) => !now.has(toContainerKey(container)));
    const { shown } = known.engines;
    const state = toState(shown, engine);
    sent = now;
    if (changed.length === 0 && removed.length === 0 && state === sentState) continue;
    const isFirst = sentState === null;
    sentState = state;
    yield { snapshot: isFirst, changed, removed, engines: select(shown, engine), ended: null };
  }
  if (typeof signal.reason === "string") yield { snapshot: false, changed: [], removed: [], engines: [], ended: signal.reason };
}

function select(engines: readonly EngineStatus[], only: string | null | undefined): readonly EngineStatus[] {
  return only ? engines.filter(({ name }) => name === only) : engines;
}

/** Whether each engine answers, as text. */
function toState(engines: readonly EngineStatus[], only: string | null | undefined): string {
  return JSON.stringify(select(engines, only).map(({ name, ok, error }) => [name, ok, error?.code]));
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
  const { sources } = context;
  // Subscribe before listing: events during the request are not lost.
  const batches = sources.containers.events(({ container }) => accepts(container), signal);
  await sources.containers.list(signal);
  return withNames(context, withoutStrangers(context, batches));
}

/** Removes the names of engines that the caller may not see. */
async function* withoutStrangers(
  { loaders, principal }: OpsContext,
  batches: AsyncIterable<EventBatch>,
): AsyncGenerator<EventBatch, void> {
  for await (const batch of batches) {
    if (batch.interrupted.length === 0 || maySee(principal, null)) {
      yield batch;
      continue;
    }
    loaders.forget();
    const { shown } = await loaders.containers.engines();
    const interrupted = batch.interrupted.filter((engine) => shown.some(({ name: own }) => own === engine));
    if (interrupted.length > 0 || batch.events.length > 0 || batch.ended !== null) yield { ...batch, interrupted };
  }
}

/** Names releases as the list of containers does. */
async function* withNames({ loaders }: OpsContext, batches: AsyncIterable<EventBatch>): AsyncGenerator<EventBatch, void> {
  for await (const batch of batches) {
    if (!batch.events.some(({ container }) => needsDeploy(container))) {
      yield batch;
      continue;
    }
    loaders.forget();
    const find = await loaders.containers.infoFor();
    const events = batch.events.map((event): ContainerEvent => {
      const { container } = event;
      return { ...event, container: withDeploy(container, find(container)) };
    });
    yield { ...batch, events };
  }
}
