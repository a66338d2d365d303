import { type Container, type EngineStatus, type WarmListing, toContainerKey } from "../../domain/container.ts";
import type { DeployInfo } from "../../domain/deploy.ts";
import { selectEngines } from "../../domain/known-engines.ts";
import { needsDeploy } from "../../domain/release.ts";
import type { OpsContext } from "../context.ts";
import type { ContainerFilter } from "./container-filter.ts";

/** What is other than in the message before, so that the rows that a reader has put together are the list as it is now. */
export interface ContainersChange {
  /** True in the first one: `changed` is the whole list. */
  readonly snapshot: boolean;
  /** New ones and changed ones, in the order of the list. */
  readonly changed: readonly Container[];
  readonly removed: readonly Pick<Container, "engine" | "id" | "name">[];
  /** All engines that were asked for, as they are now. */
  readonly engines: readonly EngineStatus[];
  /** Why nothing comes after this, as in LogBatch. */
  readonly ended: string | null;
}

interface Wanted extends ContainerFilter {
  readonly accepts: (container: Container) => boolean;
}

/** The list of containers, then what changes in it. What an engine runs that does not answer is not in the list; `engines` says so. */
export async function* watchContainers(
  { sources, loaders, principal }: OpsContext,
  { accepts, includeAccessories, engine }: Wanted,
  signal: AbortSignal,
): AsyncGenerator<ContainersChange, void> {
  let sent: ReadonlyMap<string, Container> = new Map();
  let told: string | null = null;
  let made: readonly [WarmListing["containers"], DeployInfo | null] | null = null;
  for await (const _ of sources.containers.changes(signal)) {
    // Also for the fields below this message: nothing is remembered from the message before.
    loaders.forget();
    // Mostly nothing has changed, and that is seen at once.
    const warm = sources.containers.peek();
    const deploy = warm?.containers.some(needsDeploy) ? await loaders.deploy.known() : null;
    if (
      warm &&
      warm.containers === made?.[0] &&
      deploy === made[1] &&
      toState(selectEngines(principal, warm.engines).shown, engine) === told
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
    if (changed.length === 0 && removed.length === 0 && state === told) continue;
    const isFirst = told === null;
    told = state;
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

/** Text of a row, made once for all readers. When it was looked at last is no change of it. */
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
