import { keepsRights, maySee } from "../../auth/principal.ts";
import { type Container, toContainerKey } from "../../containers/container.ts";
import type { ContainerEvent, EventBatch } from "../../containers/events.ts";
import type { EngineStatus } from "../../containers/source.ts";
import { needDeploy, needsDeploy, withDeploy } from "../../deploys/release.ts";
import { versionOf } from "../../lib/version.ts";
import { toContainerArgs } from "../args.ts";
import { type Builder, exposeAll } from "../builder.ts";
import { endedDescription, openLease, type OpsContext } from "../context.ts";
import { type Refs, toContainerId } from "../refs.ts";
import type { Scalars } from "../scalars.ts";
import { type ContainerFilter, createContainerFilter, ofEngine, requireEngine, selectEngines } from "./loader.ts";

/** ContainerEvent, and the subscription containerEvents. */
export function addContainerEvents(builder: Builder, refs: Refs, scalars: Scalars): void {
  const containerEvent = builder.objectRef<ContainerEvent>("ContainerEvent").implement({
    description: "One event of a container, as its engine sent it.",
    fields: (t) => ({
      ...exposeAll(t, {
        "time: DateTime!": "When it happened, with nanoseconds, by the engine's clock.",
        "action: String!":
          "Docker's action: create, start, kill (any signal), die, stop, restart, " +
          "pause, unpause, oom, health_status, rename, update or destroy.",
        "exitCode: Int": "Exit code, for `die`; else null.",
        "signal: Int": "Signal number, for `kill`; else null.",
        "previousName: String": "Its name before `rename`, else null.",
      }),
      health: t.expose("health", {
        type: scalars.health,
        nullable: true,
        description: "New health, for `health_status`; else null.",
      }),
      id: t.id({ description: "As Container.id.", resolve: ({ container }) => toContainerId(container) }),
      name: t.string({
        description: "Its name; after `rename` the new one.",
        resolve: ({ container }) => container.name,
      }),
      engine: t.string({ description: "Configured name of its engine.", resolve: ({ container }) => container.engine }),
      kind: t.field({
        type: scalars.kind,
        description: "As Container.kind.",
        resolve: ({ container }) => container.kind,
      }),
      service: t.string({
        nullable: true,
        description: "As Container.service.",
        resolve: ({ container }) => container.service,
      }),
      destination: t.string({
        nullable: true,
        description: "As Container.destination.",
        resolve: ({ container }) => container.destination,
      }),
      role: t.string({ description: "As Container.role.", resolve: ({ container }) => container.role }),
      env: t.field({
        type: scalars.environment,
        nullable: true,
        description: "As Container.env; null also for a container that was gone before it could be inspected.",
        resolve: ({ container }) => container.env,
      }),
      version: t.string({ description: "As Container.version.", resolve: ({ container }) => container.version }),
    }),
  });
  const eventBatch = builder.objectRef<EventBatch>("ContainerEventBatch").implement({
    description: "Container events delivered in one message.",
    fields: (t) => ({
      events: t.expose("events", {
        type: [containerEvent],
        description: "In their engine's order; may be empty.",
      }),
      ...exposeAll(t, {
        "dropped: Int!": "Number of events missing just before these, because this client was slower than the engine.",
        "interrupted: [String!]!":
          "Engines that were out of contact just before these events: their events may be missing.",
        "ended: String": endedDescription,
      }),
    }),
  });
  builder.subscriptionField("containerEvents", (t) =>
    t.field({
      type: eventBatch,
      nullable: true,
      complexity: { field: 100, multiplier: 1 },
      description:
        "Container events from now on, one for each Docker event. Covers containers in the " +
        "list `containers`, and events that add them to it or remove them.",
      args: {
        ...toContainerArgs(t.arg, scalars),
        name: t.arg.string({ description: "Only the container of exactly this name, at the time of the event." }),
        role: t.arg.string({ description: "Only this role." }),
        destination: t.arg.string({
          description: 'Only this Kamal destination (`-d beta`); "" for containers without one.',
        }),
      },
      subscribe: async (_root, args, context) => {
        const accepts = createContainerFilter(args, context.principal);
        if (args.engine) requireEngine(await context.loaders.containers.engines(), args.engine);
        return followEvents(context, accepts, openLease(context, keepsRights(context.principal)));
      },
      resolve: (batch) => batch,
    }),
  );
}

/** ContainersChange, and the subscription containers. */
export function addContainerChanges(builder: Builder, refs: Refs, scalars: Scalars): void {
  const removedContainer = builder.objectRef<ContainersChange["removed"][number]>("RemovedContainer").implement({
    description:
      "A container that is no longer in the list: removed, hidden, or its " +
      "engine has not answered for more than a minute.",
    fields: (t) => ({
      id: t.id({ description: "As Container.id.", resolve: toContainerId }),
      engine: t.exposeString("engine", { description: "As Container.engine." }),
      name: t.exposeString("name", { description: "Its last name." }),
    }),
  });
  const containersChange = builder.objectRef<ContainersChange>("ContainersChange").implement({
    description:
      "Rows added, changed or removed since the previous message. Applying them by id gives the current list.",
    fields: (t) => ({
      ...exposeAll(t, {
        "snapshot: Boolean!": "True in the first message: `changed` is the whole list.",
        "ended: String": `${endedDescription} Subscribe again then.`,
      }),
      changed: t.expose("changed", {
        type: [refs.container],
        description: "New containers, and those with a changed field other than `observedAt` or `stats`.",
      }),
      removed: t.expose("removed", {
        type: [removedContainer],
        description: "Containers that are no longer in the list.",
      }),
      engines: t.expose("engines", {
        type: [refs.engine],
        description: "Whether each engine answers now. An engine that has never answered contributes no containers.",
      }),
    }),
  });
  builder.subscriptionField("containers", (t) =>
    t.field({
      type: containersChange,
      nullable: true,
      complexity: { field: 100, multiplier: 1 },
      description:
        "Sends the list that the query `containers` returns, then its changes, within a second. A " +
        "slow client may skip intermediate states, but never keeps a wrong list.",
      args: toContainerArgs(t.arg, scalars),
      subscribe: async (_root, args, context) => {
        const accepts = createContainerFilter(args, context.principal);
        if (args.engine) requireEngine(await context.loaders.containers.engines(), args.engine);
        return watchContainers(context, { ...args, accepts }, openLease(context, keepsRights(context.principal)));
      },
      resolve: (change) => change,
    }),
  );
}

/** Changes since the previous message. A client that applies them has the current list. */
interface ContainersChange {
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

/**
 * The list of containers, then its changes. `engines` shows engines that do not answer; their
 * containers are stale for a minute, then removed.
 */
export async function* watchContainers(
  context: OpsContext,
  wanted: Wanted,
  signal: AbortSignal,
): AsyncGenerator<ContainersChange, void> {
  const { loaders, principal } = context;
  const { includeAccessories, env, engine, destination } = wanted;
  const key = JSON.stringify([[...principal.environments].toSorted(), includeAccessories, env, engine, destination]);
  const look = () => lookAt(context, wanted, key);
  let sent: View | null = null;
  for await (const moment of context.sources.containers.changes(signal)) {
    // The shared look fails when the subscriber that started it leaves.
    const view: View | null = await share(views, moment, key, look)
      .catch(look)
      .catch((error: unknown) => {
        if (signal.aborted || context.signal.aborted) return null;
        throw error;
      });
    if (!view || signal.aborted) break;
    // Usually nothing has changed: the work up to here was cheap.
    if (view.rows === sent?.rows && view.state === sent.state) continue;
    // The fields of this message must not reuse anything from the previous one.
    loaders.forget();
    const difference = findDifference(sent?.rows ?? null, view.rows);
    const { changed, removed } = difference;
    const snapshot = sent === null;
    const isKnown = changed.length === 0 && removed.length === 0 && view.state === sent?.state;
    sent = view;
    if (isKnown) continue;
    const others = JSON.stringify([snapshot, view.shown.map(({ name, ok, error }) => [name, ok, error])]);
    const message = difference.messages.get(others) ?? { snapshot, changed, removed, engines: view.shown, ended: null };
    difference.messages.set(others, message);
    yield message;
  }
  if (typeof signal.reason === "string")
    yield { snapshot: false, changed: [], removed: [], engines: [], ended: signal.reason };
}

/** What a subscriber may see at one moment. */
interface View {
  readonly rows: Rows;
  readonly shown: readonly EngineStatus[];
  /** Whether each engine answers, as text. */
  readonly state: string;
}

/** By moment, the views of subscribers with the same permissions and arguments. */
const views = new WeakMap<object, Map<string, Promise<View>>>();

/** Rejects when this subscriber has left: an engine then counts as silent. */
async function lookAt(
  { sources, loaders, principal, signal }: OpsContext,
  { accepts, includeAccessories, engine }: Wanted,
  key: string,
): Promise<View> {
  loaders.forget();
  const warm = sources.containers.listCached();
  const deploy = warm && needDeploy(warm.containers) ? await loaders.deploy.known() : null;
  const read = async () => {
    const { containers } = await loaders.containers.known(includeAccessories);
    signal.throwIfAborted();
    return new Set(containers.filter(accepts));
  };
  const rows = await (warm ? share(lists, warm.containers, `${key} ${versionOf(deploy)}`, read) : read());
  const engines = warm ? selectEngines(principal, warm.engines) : await loaders.containers.engines();
  const { shown } = ofEngine(engines, engine);
  signal.throwIfAborted();
  return { rows, shown, state: toState(shown) };
}

/** In list order. */
type Rows = ReadonlySet<Container>;

/**
 * By the engines' list, the rows of each view, shared by all subscribers with the same arguments.
 */
const lists = new WeakMap<object, Map<string, Promise<Rows>>>();

function share<T>(
  all: WeakMap<object, Map<string, Promise<T>>>,
  of: object,
  key: string,
  read: () => Promise<T>,
): Promise<T> {
  const known = all.get(of) ?? new Map<string, Promise<T>>();
  all.set(of, known);
  const found = known.get(key);
  if (found) return found;
  const reading = read();
  known.set(key, reading);
  reading.catch(() => known.delete(key));
  return reading;
}

/**
 * The last difference from some rows, computed once for all subscribers that were sent these rows.
 * Does not retain the rows after it: otherwise a subscriber that never reads would retain every
 * later state.
 */
const differences = new WeakMap<Rows, Difference>();
/** The whole list, as the difference from nothing. */
const snapshots = new WeakMap<Rows, Difference>();

interface Difference extends Pick<ContainersChange, "changed" | "removed"> {
  readonly now: WeakRef<Rows>;
  /** By the other values that they depend on. */
  readonly messages: Map<string, ContainersChange>;
}

function findDifference(sent: Rows | null, now: Rows): Difference {
  const last = sent ? differences.get(sent) : snapshots.get(now);
  if (last?.now.deref() === now) return last;
  // Most rows are the same objects.
  const before = new Map([...(sent?.difference(now) ?? [])].map((row) => [toContainerKey(row), row]));
  const after = new Map([...(sent ? now.difference(sent) : now)].map((row) => [toContainerKey(row), row]));
  const changed = [...after].flatMap(([key, row]) => (isSame(row, before.get(key)) ? [] : [row]));
  const removed = [...before].flatMap(([key, row]) => (after.has(key) ? [] : [row]));
  const found: Difference = { now: new WeakRef(now), changed, removed, messages: new Map() };
  if (sent) differences.set(sent, found);
  else snapshots.set(now, found);
  return found;
}

/** Whether each engine answers, as text. */
function toState(engines: readonly EngineStatus[]): string {
  return JSON.stringify(engines.map(({ name, ok, error }) => [name, ok, error?.code]));
}

/** Text of a row, computed once for all subscribers. A new `observedAt` is no change. */
const textOf = new WeakMap<Container, string>();

function isSame(container: Container, before: Container | undefined): boolean {
  return before !== undefined && toText(container) === toText(before);
}

function toText(container: Container): string {
  const known = textOf.get(container);
  if (known !== undefined) return known;
  const text = JSON.stringify({ ...container, observedAt: null });
  textOf.set(container, text);
  return text;
}

/** Events of the accepted containers; resolves once the engines are watched. */
export async function followEvents(
  context: OpsContext,
  accepts: (container: Container) => boolean,
  signal: AbortSignal,
) {
  const { containers } = context.sources;
  // Subscribe before listing: events during the request are not lost.
  const batches = containers.events(({ container }) => accepts(container), signal);
  await containers.list(signal);
  return forCaller(context, batches);
}

/**
 * Replaces releases as the list of containers does, and names only engines that the caller may see.
 */
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
    else if (interrupted.length > 0 || events.length > 0 || batch.ended !== null)
      yield { ...batch, events, interrupted };
  }
}
