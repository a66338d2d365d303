import { type Container, liveStates } from "../containers/container.ts";
import { filterSteps, mapSteps, type Steps } from "../lib/budget/steps.ts";
import { listGroups, type ServiceGroup, toGroup, toGroupKey } from "../releases/service-group.ts";
import type { DeployRecord } from "./deploy.ts";

type Said = Pick<DeployRecord, "service" | "destination" | "env" | "tag" | "version" | "commitSha">;

/**
 * Finds the group of a deploy among those of core containers. A group fits when it has the service
 * and the environment of the deploy, as far as that names them. The candidates are the first of
 * these sets that is not empty:
 *
 * - Deploy with a destination: the fitting groups with that destination. Else, if it names no
 *   service: those without one, as the destination may mean `env`.
 * - Deploy without a destination: the running fitting groups without one. Else, as another pipeline
 *   than Kamal's hook wrote it: the running ones, then all.
 *
 * Of several candidates: the only one with containers of the deploy's release, else null: the
 * deploy is compared with none. Without a candidate: the group that the deploy names.
 */
export function* createGroupFinder(containers: readonly Container[]): Steps<(said: Said) => ServiceGroup | null> {
  const groups = yield* listGroups(containers.filter(({ kind }) => kind === "core"));
  const live = yield* filterSteps(groups, ({ members }) => members.some(({ status }) => liveStates.has(status)));
  const groupOf = new Map<Container, ServiceGroup>();
  for (const group of groups) yield* mapSteps(group.members, (container) => groupOf.set(container, group));
  const releases = yield* indexReleases([...groupOf.keys()], namesOfContainer);

  const findFitting = remember((said: Said) => {
    const fits = ({ service, env }: ServiceGroup) =>
      [service, null].includes(said.service) && [env, null].includes(said.env);
    const named = (group: ServiceGroup) => fits(group) && group.destination === said.destination;
    const meant = (group: ServiceGroup) =>
      fits(group) && group.destination === null && said.service === null && said.env !== null;
    const attempts =
      said.destination === null
        ? [live.filter(named), live.filter(fits), groups.filter(fits)]
        : [groups.filter(named), groups.filter(meant)];
    return new Set(attempts.find(({ length }) => length > 0));
  }, toGroupKey);
  const findRunning = remember(
    (said: Said) =>
      new Set(
        releases
          .find(said)
          .flatMap((container) => (runsRelease(container, said) ? (groupOf.get(container) ?? []) : [])),
      ),
    toReleaseNames,
  );
  return (said) => {
    const fitting = findFitting(said);
    if (fitting.size === 0) return toGroup(said);
    const [only, ...others] = fitting.size === 1 ? fitting : fitting.intersection(findRunning(said));
    return only && others.length === 0 ? toGroup(only) : null;
  };
}

/** Remembers what is found for each key. */
export function remember<From, To>(find: (from: From) => To, toKey: (from: From) => string): (from: From) => To {
  const known = new Map<string, To>();
  return (from) => {
    const key = toKey(from);
    const found = known.get(key) ?? find(from);
    known.set(key, found);
    return found;
  };
}

/** The same deploys, each with its group; `ambiguous` where several are possible. */
export function* assignGroups(
  records: readonly DeployRecord[],
  containers: readonly Container[],
): Steps<DeployRecord[]> {
  const findGroup = yield* createGroupFinder(containers);
  return yield* mapSteps(records, (record) => {
    const group = findGroup(record);
    return group ? { ...record, ...group } : { ...record, ambiguous: true };
  });
}

/**
 * Whether a core container runs a release: by its tag, Kamal's version of it, or its commit (7 or
 * more hex digits, one may be abbreviated). Does not compare groups (`ServiceGroup`).
 */
export function runsRelease(
  { kind, version: own, commitSha: ownSha }: Container,
  { tag, version, commitSha }: Pick<DeployRecord, "tag" | "version" | "commitSha">,
): boolean {
  return kind === "core" && (own === tag || own === version || sameCommit(ownSha, commitSha));
}

/** What a release is known by. */
export type ReleaseNames = Pick<DeployRecord, "tag" | "version" | "commitSha">;

/** The same text for deploys of which the same containers run the release. */
export function toReleaseNames({ tag, version, commitSha }: ReleaseNames): string {
  return JSON.stringify([tag, version, commitSha]);
}

/** A container is known by its version and its commit. */
export function namesOfContainer({ version, commitSha }: Container): ReleaseNames {
  return { tag: version, version, commitSha };
}

/** Abbreviated commits have at least as many digits. */
const shortCommit = 7;

/**
 * Rows by the names of their releases: comparing each row with each takes the square of their
 * number.
 */
class ReleaseIndex<Row> {
  readonly #places = new Map<string, number[]>();
  readonly #rows: Row[] = [];

  add(row: Row, names: ReleaseNames): void {
    const place = this.#rows.push(row) - 1;
    for (const key of toKeys(names)) {
      const places = this.#places.get(key);
      if (places) places.push(place);
      else this.#places.set(key, [place]);
    }
  }

  /**
   * In their order, all rows that share a name with a release, and those whose commits begin alike.
   */
  find(release: ReleaseNames): Row[] {
    const places = new Set(toKeys(release).flatMap((key) => this.#places.get(key) ?? []));
    return [...places].toSorted((a, b) => a - b).map((place) => this.#rows[place] as Row);
  }
}

/** The rows by the names of their releases. */
export function* indexReleases<Row>(
  rows: readonly Row[],
  toNames: (row: Row) => ReleaseNames,
): Steps<ReleaseIndex<Row>> {
  const index = new ReleaseIndex<Row>();
  for (const row of rows) {
    yield;
    index.add(row, toNames(row));
  }
  return index;
}

/** Texts of which two releases share one if a name, or the beginning of a commit, is the same. */
export function toKeys({ tag, version, commitSha }: ReleaseNames): readonly string[] {
  const names = tag === version ? [tag] : [tag, version];
  const keys = names.map((name) => `=${name}`);
  return commitSha.length < shortCommit ? keys : [...keys, `#${commitSha.slice(0, shortCommit)}`];
}

export function sameCommit(a: string, b: string): boolean {
  return Math.min(a.length, b.length) >= shortCommit && (a.startsWith(b) || b.startsWith(a));
}
