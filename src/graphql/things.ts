import { type Container, type ContainerRef, toContainerKey } from "../containers/container.ts";
import type { EngineStatus } from "../containers/source.ts";
import { type Deploy, toDeployKey } from "../deploys/state.ts";
import type { Host } from "../hosts/host.ts";
import { type Budget } from "../lib/budget/budget.ts";
import { type Steps, takeSteps } from "../lib/budget/steps.ts";
import { type Known, onceKnown } from "../lib/known.ts";
import type { CurrentProblem } from "../problems/problem.ts";
import { type QueueMetrics, toQueueKey } from "../queues/queue.ts";
import { toReleaseKey, toRoleKey } from "../releases/service-group.ts";
import { byTime, type Timeline, type TimelineEntry } from "../timeline/timeline.ts";
import type { Role } from "./containers/role-loader.ts";
import type { ProblemLoader } from "./problems/loader.ts";
import type { TimelineLoader, TimelineQuery } from "./timeline/loader.ts";

// The things that a problem, or an entry of the timeline, concerns: one text for each.
const ofContainer = (container: ContainerRef) => `container ${toContainerKey(container)}`;
/** The same for a container that was created again under its name. */
const ofName = ({ engine, name }: Pick<Container, "engine" | "name">) => `name ${engine}/${name}`;
const ofRole = (key: string) => `role ${key}`;
const ofRelease = (release: Parameters<typeof toReleaseKey>[0]) => `release ${toReleaseKey(release)}`;
const ofQueue = (queue: Pick<QueueMetrics, "source" | "name">) => `queue ${toQueueKey(queue)}`;
const ofInstance = (instance: string) => `instance ${instance}`;
const ofHost = (name: string) => `host ${name}`;
const ofEngine = (name: string) => `engine ${name}`;
const ofDeploy = (deploy: Deploy) => `deploy ${toDeployKey(deploy)}`;

/** Rows in the order of their list, by the things that they concern. */
type ByThing<Row> = (thing: string) => readonly Row[];

const none: readonly never[] = [];

function* indexByThing<Row>(rows: readonly Row[], listThings: (row: Row) => Iterable<string>): Steps<ByThing<Row>> {
  const index = new Map<string, Row[]>();
  for (const row of rows) {
    for (const thing of new Set(listThings(row))) {
      yield;
      const own = index.get(thing);
      if (own) own.push(row);
      else index.set(thing, [row]);
    }
  }
  return (thing) => index.get(thing) ?? none;
}

/** The problems that concern a thing, worst first. */
export interface ProblemsOf {
  container(container: Container): readonly CurrentProblem[];
  role(role: Role): readonly CurrentProblem[];
  queue(queue: QueueMetrics): readonly CurrentProblem[];
  host(host: Host): readonly CurrentProblem[];
  engine(engine: EngineStatus): readonly CurrentProblem[];
  deploy(deploy: Deploy): readonly CurrentProblem[];
}

/** By the list that callers share, so each list is indexed once. */
const indexed = new WeakMap<readonly CurrentProblem[], ProblemsOf>();

/** The list of the query problems, by the things that its rows concern. */
export function createProblemsOf(
  { budget }: { readonly budget: Pick<Budget, "turn"> },
  siblings: { readonly problems: ProblemLoader },
): () => Known<ProblemsOf> {
  return onceKnown(async () => {
    const { problems } = await siblings.problems(null);
    const known = indexed.get(problems);
    if (known) return known;
    const of = await takeSteps(indexByThing(problems, listThingsOfProblem), budget);
    const made: ProblemsOf = {
      container: (container) => of(ofContainer(container)),
      role: ({ key }) => of(ofRole(key)),
      queue: (queue) => of(ofQueue(queue)),
      host: ({ instance }) => of(ofInstance(instance)),
      engine: ({ name }) => of(ofEngine(name)),
      deploy: (deploy) => of(ofDeploy(deploy)),
    };
    indexed.set(problems, made);
    return made;
  });
}

function* listThingsOfProblem(problem: CurrentProblem): Iterable<string> {
  const { container, containers, role, queue, host, engine, deploy } = problem;
  for (const one of container ? [container, ...containers] : containers) {
    yield ofContainer(one);
    yield ofRole(toRoleKey(one));
    yield ofEngine(one.engine);
  }
  if (role !== null) yield ofRole(toRoleKey({ ...problem, role }));
  if (queue) yield ofQueue(queue);
  if (host) yield ofInstance(host.instance);
  if (engine) yield ofEngine(engine.name);
  if (deploy) yield ofDeploy(deploy);
}

/** What happened to a thing, newest first. */
export interface EntriesOf {
  container(container: Container): readonly TimelineEntry[];
  role(role: Role): readonly TimelineEntry[];
  queue(queue: QueueMetrics): readonly TimelineEntry[];
  host(host: Host): readonly TimelineEntry[];
  engine(engine: EngineStatus): readonly TimelineEntry[];
  deploy(deploy: Deploy): readonly TimelineEntry[];
}

export type TimelineOf = (query: TimelineQuery) => Promise<EntriesOf>;

/**
 * The entries of the query timeline, by the things that they concern: each range of a request is
 * read and indexed once.
 */
export function createTimelineOf(
  { budget }: { readonly budget: Pick<Budget, "turn"> },
  siblings: { readonly timeline: TimelineLoader },
): TimelineOf {
  const asked = new WeakMap<Timeline, Promise<EntriesOf>>();
  const index = async ({ entries }: Timeline): Promise<EntriesOf> => {
    const of = await takeSteps(indexByThing(entries, listThingsOfEntry), budget);
    return {
      container: (container) => of(ofName(container)),
      role: ({ key }) => of(ofRole(key)),
      queue: (queue) => of(ofQueue(queue)),
      host: ({ name }) => of(ofHost(name)),
      engine: ({ name }) => of(ofEngine(name)),
      deploy: (deploy) => {
        const { tag, version } = deploy;
        const [own, tagged] = [of(ofRelease(deploy)), of(ofRelease({ ...deploy, version: tag }))];
        return tag === version ? own : [...own, ...tagged].toSorted((a, b) => byTime(b, a));
      },
    };
  };
  return async (query) => {
    const timeline = await siblings.timeline(query);
    const made = asked.get(timeline) ?? index(timeline);
    asked.set(timeline, made);
    return made;
  };
}

function* listThingsOfEntry(entry: TimelineEntry): Iterable<string> {
  const { container, queue, host, engine, kind, to } = entry;
  if (container) {
    const { role, version } = container;
    yield ofName(container);
    yield ofEngine(container.engine);
    if (role !== null) yield ofRole(toRoleKey({ ...entry, role }));
    if (version !== null) yield ofRelease({ ...entry, version });
  }
  if (kind === "deploy" && to !== null) yield ofRelease({ ...entry, version: to });
  if (queue) yield ofQueue(queue);
  if (host !== null) yield ofHost(host);
  if (engine !== null) yield ofEngine(engine);
}
