import { groupByRole, type RoleGroup, toServicePlace } from "../../../../facts/container.ts";
import { useMemo } from "preact/hooks";
import type { ContainerRow } from "../../data/containers.ts";
import type { Failure } from "../../data/client.ts";
import { go, href, params, setParams } from "../../page/url.ts";
import { StateCell } from "../containers/columns.tsx";
import type { Troubles } from "../../../../facts/trouble.ts";
import { toSeenState, useTroubles } from "../containers/troubles.ts";
import { type Column, List } from "../list.tsx";
import { Empty, FailureNotice, Skeleton } from "../notice.tsx";
import { Release } from "../release.tsx";
import type { LogTarget } from "./target.ts";
import { Shape } from "../state.tsx";

type RoleRow = RoleGroup<ContainerRow>;

/** What has a log: roles, then containers; found as somebody types. */
export function LogPicker({
  rows,
  failure,
}: {
  readonly rows: readonly ContainerRow[] | null;
  readonly failure: Failure | null;
}) {
  const filter = params.value.get("filter") ?? "";
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = new Set(params.value.getAll("choose"));
  const troubles = useTroubles();
  const roleColumns = useMemo(() => toRoleColumns(troubles), [troubles]);
  if (rows === null) return failure ? <FailureNotice failure={failure} what="Containers" /> : <Skeleton rows={8} />;
  const matches = (...texts: (string | null)[]) =>
    words.every((word) => texts.some((text) => text?.toLowerCase().includes(word)));
  const roles = toCoreRoles(rows).filter(({ role, service, destination, env }) =>
    matches(role, service, destination, env),
  );
  const found = rows.filter(({ name, role, engine, host }) => matches(name, role, engine, host));
  const choose = (name: string) => {
    const query = new URLSearchParams(params.value);
    query.delete("choose");
    if (!chosen.delete(name)) chosen.add(name);
    for (const one of chosen) query.append("choose", one);
    go(`/logs?${query.toString()}`, { replace: true });
  };
  return (
    <>
      <div class="heading">
        <h1>Logs</h1>
        <span class="muted">of a role across releases, or of single containers</span>
        {chosen.size > 0 && (
          <a class="button primary right" href={toSeveral([...chosen])}>
            Open {chosen.size} together
          </a>
        )}
      </div>
      <div class="filters">
        <input
          class="input"
          type="search"
          data-search
          aria-label="Filter roles and containers"
          placeholder="filter …  /"
          value={filter}
          onInput={({ currentTarget }) => setParams({ filter: currentTarget.value })}
        />
      </div>
      <section class="section">
        <header>
          <h2>Roles</h2>
        </header>
        {roles.length === 0 ? (
          <Empty>{filter ? "No role matches the filter." : "No container has a role of the product."}</Empty>
        ) : (
          <List rows={roles} columns={roleColumns} rowKey={({ key }) => key} label="Roles" sortParam="roles" />
        )}
      </section>
      <section class="section">
        <header>
          <h2>Containers</h2>
        </header>
        {found.length === 0 ? (
          <Empty>
            {filter ? `None of the ${rows.length} containers matches the filter.` : "No containers run here."}
          </Empty>
        ) : (
          <List
            rows={found}
            columns={toContainerColumns(chosen, choose, troubles)}
            rowKey={({ id }) => id}
            label="Containers"
          />
        )}
      </section>
    </>
  );
}

/** Where to go from a log that cannot be read: the same role elsewhere, or another log. */
export function Choices({
  target: { role },
  rows,
}: {
  readonly target: LogTarget;
  readonly rows: readonly ContainerRow[];
}) {
  return (
    <p class="filters">
      {toCoreRoles(rows)
        .filter((row) => row.role === role)
        .map(({ key, service, destination, env }) => (
          <a key={key} class="button isolate" href={href("/logs", { role, service, destination, env })}>
            {role} {toServicePlace({ service, destination, env })}
          </a>
        ))}
      <a class="button" href={href("/logs")}>
        Choose another log
      </a>
    </p>
  );
}

function toSeveral(names: readonly string[]): string {
  const query = new URLSearchParams(names.map((name): [string, string] => ["name", name]));
  for (const name of ["env", "destination"]) if (params.value.get(name)) query.set(name, params.value.get(name) ?? "");
  return `/logs?${query.toString()}`;
}

function toCoreRoles(rows: readonly ContainerRow[]): readonly RoleRow[] {
  return groupByRole(rows.filter(({ kind, role }) => kind === "CORE" && role));
}

const toRoleColumns = (troubles: Troubles): readonly Column<RoleRow>[] => [
  {
    name: "role",
    width: "minmax(0, 2fr)",
    cell: ({ role, service, destination, env }) => (
      <a data-row-link class="isolate" href={href("/logs", { role, service, destination, env })}>
        {role} <span class="muted">{toServicePlace({ service, destination, env })}</span>
      </a>
    ),
  },
  {
    name: "replicas",
    width: "minmax(0, 1fr)",
    cell: ({ rows }) => (
      <span class="dots">
        {rows.slice(0, 12).map((row) => {
          const { tone, word } = toSeenState(row, troubles);
          return (
            <a
              key={row.id}
              href={href("/logs", { name: row.name, engine: row.engine })}
              aria-label={`Log of ${row.name}, ${word}`}
              title={`Log of ${row.name}, ${word}`}
            >
              <Shape tone={tone} />
            </a>
          );
        })}
        {rows.length > 12 && <span class="muted">+{rows.length - 12}</span>}
      </span>
    ),
  },
];

function toContainerColumns(
  chosen: ReadonlySet<string>,
  choose: (name: string) => void,
  troubles: Troubles,
): readonly Column<ContainerRow>[] {
  return [
    {
      name: "container",
      width: "minmax(0, 3fr)",
      cell: ({ name, engine }) => (
        <>
          <input
            type="checkbox"
            class="log-choose"
            checked={chosen.has(name)}
            aria-label={`Open ${name} together with others`}
            onChange={() => choose(name)}
          />
          <a data-row-link class="isolate" title={name} href={href("/logs", { name, engine })}>
            {name}
          </a>
        </>
      ),
      sortBy: ({ name }) => name,
    },
    {
      name: "state",
      width: "minmax(96px, 1fr)",
      cell: (row) => <StateCell {...toSeenState(row, troubles)} />,
      sortBy: (row) => toSeenState(row, troubles).word,
    },
    {
      name: "release",
      width: "minmax(0, 1fr)",
      isWideOnly: true,
      cell: ({ version }) => <Release version={version} />,
    },
    {
      name: "engine",
      width: "minmax(0, 1fr)",
      isWideOnly: true,
      cell: ({ engine }) => <span class="isolate">{engine}</span>,
      sortBy: ({ engine }) => engine,
    },
  ];
}
