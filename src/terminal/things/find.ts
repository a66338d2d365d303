import {
  Containers,
  type ContainersQuery,
  Deploys,
  type DeploysQuery,
  Hosts,
  type HostsQuery,
  type OpsClient,
  OpsError,
  Queues,
  type QueuesQuery,
} from "../../client/client.ts";
import { toNear } from "../../lib/text.ts";
import { toOneLine } from "../output/style.ts";
import { createReads } from "./reads.ts";

const thingKinds = ["container", "role", "queue", "host", "engine", "deploy"] as const;

export type ContainerRow = NonNullable<ContainersQuery["containers"]>[number];
type EngineRow = NonNullable<ContainersQuery["engines"]>[number];
type QueueRow = NonNullable<QueuesQuery["queues"]>[number];
type HostRow = NonNullable<HostsQuery["hosts"]>[number];
export type DeployRow = NonNullable<NonNullable<DeploysQuery["deploys"]>["nodes"]>[number];

/** One thing of the product, by its name. */
export type Thing =
  | { readonly kind: "container"; readonly name: string; readonly row: ContainerRow }
  | { readonly kind: "role"; readonly name: string; readonly rows: readonly ContainerRow[] }
  | { readonly kind: "queue"; readonly name: string; readonly row: QueueRow }
  | { readonly kind: "host"; readonly name: string; readonly row: HostRow }
  | { readonly kind: "engine"; readonly name: string; readonly row: EngineRow; readonly rows: readonly ContainerRow[] }
  | { readonly kind: "deploy"; readonly name: string; readonly row: DeployRow; readonly rows: readonly ContainerRow[] };

/** What distinguishes several things with one name. */
export const thingOptions = {
  kind: {
    type: "string",
    short: "k",
    value: "KIND",
    choices: thingKinds,
    about: `what it is: ${thingKinds.join(", ")}`,
  },
  engine: { type: "string", value: "NAME", about: "the engine of the container or role" },
  source: { type: "string", value: "NAME", about: "the source of the queue" },
} as const;

interface Asked {
  readonly kind?: string | undefined;
  readonly engine?: string | undefined;
  readonly source?: string | undefined;
}

/** Of the newest deploys, for near names; that of the asked tag may be older. */
const deployCount = 50;

/**
 * The one thing of this name, and the errors of what could not be read.
 *
 * @throws OpsError not_found with near names, ambiguous with what distinguishes them, or the
 *   gateway's when nothing could be read
 */
export async function findThing(
  client: OpsClient,
  name: string,
  asked: Asked,
  signal: AbortSignal,
): Promise<{ readonly thing: Thing; readonly errors: readonly OpsError[] }> {
  // The error of a list without the thing does not matter: there may be no Prometheus, or no
  // database.
  const [engines, jobs, machines, history] = [createReads(), createReads(), createReads(), createReads()];
  const [listed, queues, hosts, newest, tagged] = await Promise.all([
    engines.read(client.queryPartial(Containers, { env: null, engine: null, includeAccessories: true }, { signal })),
    jobs.read(client.queryPartial(Queues, {}, { signal })),
    machines.read(client.queryPartial(Hosts, {}, { signal })),
    history.read(client.queryPartial(Deploys, { env: null, tag: null, first: deployCount, after: null }, { signal })),
    history.read(client.queryPartial(Deploys, { env: null, tag: name, first: deployCount, after: null }, { signal })),
  ]);
  const errorsOf: Readonly<Record<Thing["kind"], readonly OpsError[]>> = {
    container: engines.errors,
    role: engines.errors,
    engine: engines.errors,
    queue: jobs.errors,
    host: machines.errors,
    deploy: [...history.errors, ...engines.errors],
  };
  const [first] = [engines, jobs, machines, history].flatMap(({ errors }) => errors);
  if (first && !listed && !queues && !hosts && !newest) throw first;
  const containers = listed?.containers ?? [];
  const ofEngine = (row: ContainerRow) => asked.engine === undefined || row.engine === asked.engine;
  const all: Thing[] = [
    ...containers.filter(ofEngine).map((row): Thing => ({ kind: "container", name: row.name, row })),
    ...[...new Set(containers.map(({ role }) => role))].flatMap((role): Thing[] => {
      const rows = containers.filter((row) => row.role === role && ofEngine(row));
      return rows.length === 0 ? [] : [{ kind: "role", name: role, rows }];
    }),
    ...(queues?.queues ?? [])
      .filter(({ source }) => asked.source === undefined || source === asked.source)
      .map((row): Thing => ({ kind: "queue", name: row.name, row })),
    ...(hosts?.hosts ?? []).map((row): Thing => ({ kind: "host", name: row.name, row })),
    ...(listed?.engines ?? []).map((row): Thing => {
      return { kind: "engine", name: row.name, row, rows: containers.filter(({ engine }) => engine === row.name) };
    }),
    ...uniqueDeploys([...(tagged?.deploys?.nodes ?? []), ...(newest?.deploys?.nodes ?? [])]).map((row): Thing => {
      const rows = containers.filter(({ version, service }) => version === row.version && service === row.service);
      return { kind: "deploy", name: row.tag, row, rows };
    }),
  ];
  const found = preferNewest(
    all.filter((thing) => thing.name === name && (asked.kind === undefined || thing.kind === asked.kind)),
  );
  const [thing, ...others] = found;
  if (thing && others.length === 0) return { thing, errors: errorsOf[thing.kind] };
  const quoted = toOneLine(name);
  if (thing) {
    throw new OpsError(
      "ambiguous",
      `${quoted} is ${found.map(toPlace).join(" and ")}: say which with --kind, --engine or --source`,
    );
  }
  const near = toNear(name, [...new Set(all.map((one) => one.name))]).map(toOneLine);
  const hint = near.length === 0 ? "" : `; near names are ${near.join(", ")}`;
  throw new OpsError("not_found", `Nothing is named ${quoted}${hint}`);
}

function uniqueDeploys(rows: readonly DeployRow[]): readonly DeployRow[] {
  return [...new Map(rows.map((row) => [row.id, row])).values()];
}

/** One release may have been deployed more than once to one place: the newest is meant. */
function preferNewest(found: readonly Thing[]): readonly Thing[] {
  const seen = new Set<string>();
  return found.filter((thing) => {
    if (thing.kind !== "deploy") return true;
    const { service, destination, env } = thing.row;
    const place = JSON.stringify([service, destination, env]);
    return !seen.has(place) && seen.add(place);
  });
}

function toPlace(thing: Thing): string {
  switch (thing.kind) {
    case "container":
      return `a container on ${thing.row.engine}`;
    case "queue":
      return `a queue of ${thing.row.source}`;
    case "deploy":
      return `a deploy of ${[thing.row.service ?? "an unknown service", thing.row.destination].filter(Boolean).join(" to ")}`;
    case "engine":
      return "an engine";
    default:
      return `a ${thing.kind}`;
  }
}
