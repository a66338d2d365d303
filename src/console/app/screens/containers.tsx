import type { Tone } from "../../../facts/tone.ts";
import { toWorst } from "../../../facts/tone.ts";
import { useMemo } from "preact/hooks";
import { type ContainerRow, containers, containersFailure } from "../data/containers.ts";
import { href, params, setParams } from "../page/url.ts";
import { useUsage } from "../data/usage.ts";
import { toColumns, toContainerHref } from "../parts/containers/columns.tsx";
import { useCoursesInView } from "../parts/containers/in-view.ts";
import { filterContainers, orderByRole } from "../parts/containers/names.ts";
import type { Troubles } from "../../../facts/trouble.ts";
import { isTroubled, toSeenState, useTroubles } from "../parts/containers/troubles.ts";
import { formatNumber } from "../../../facts/format.ts";
import { List } from "../parts/list.tsx";
import { Empty, FailureNotice, Skeleton } from "../parts/notice.tsx";
import { Shape } from "../parts/state.tsx";

/** With more containers than this, only the usage of those in view is asked for. */
const mostNumbers = 500;

/** Chips of roles: more are found by typing. */
const mostRoles = 12;

/** Every container of every engine. */
export function Containers() {
  const rows = containers.value;
  const all = useMemo(() => orderByRole(rows ?? []), [rows]);
  const query = params.value.get("q") ?? "";
  const role = params.value.get("role");
  const isCoreOnly = params.value.get("kind") === "core";
  const isTroubleOnly = params.value.get("state") === "trouble";
  const troubles = useTroubles();
  const shown = useMemo(() => {
    const found = filterContainers(all, { query, role, isCoreOnly });
    return isTroubleOnly ? found.filter((row) => isTroubled(row, troubles)) : found;
  }, [all, query, role, isCoreOnly, isTroubleOnly, troubles]);
  const usage = useUsage({ skip: rows === null || rows.length > mostNumbers });
  const { courses, onView } = useCoursesInView();
  const columns = useMemo(() => toColumns({ usage, ...courses, troubles }), [usage, courses, troubles]);
  if (rows === null)
    return containersFailure.value ? (
      <FailureNotice failure={containersFailure.value} what="Containers" />
    ) : (
      <Skeleton rows={12} />
    );
  return (
    <>
      <div class="heading">
        <h1>Containers</h1>
        <span class="muted" role="status">
          {shown.length === all.length
            ? formatNumber(all.length)
            : `${formatNumber(shown.length)} of ${formatNumber(all.length)}`}
        </span>
      </div>
      <Filters
        all={all}
        troubles={troubles}
        query={query}
        role={role}
        isCoreOnly={isCoreOnly}
        isTroubleOnly={isTroubleOnly}
      />
      {shown.length === 0 ? (
        <NoRows all={all.length} isFiltered={Boolean(query || role || isCoreOnly || isTroubleOnly)} />
      ) : (
        <List
          rows={shown}
          columns={columns}
          rowKey={toId}
          rowHref={toContainerHref}
          label="Containers of all engines"
          onView={onView}
        />
      )}
    </>
  );
}

function toId({ id }: ContainerRow): string {
  return id;
}

interface FilterProps {
  readonly all: readonly ContainerRow[];
  readonly troubles: Troubles;
  readonly query: string;
  readonly role: string | null;
  readonly isCoreOnly: boolean;
  readonly isTroubleOnly: boolean;
}

function Filters({ all, troubles, query, role, isCoreOnly, isTroubleOnly }: FilterProps) {
  const { roles, core, troubled, worst, silent } = useMemo(() => countContainers(all, troubles), [all, troubles]);
  const chips = roles.filter(({ name }, index) => index < mostRoles || name === role);
  return (
    <div class="filters" role="search">
      <input
        type="search"
        class="input"
        data-search
        aria-label="Filter containers"
        placeholder="name, role, release, state …"
        title="Shows containers with all of these words in name, role, release, host, engine, status or health"
        spellcheck={false}
        autocomplete="off"
        value={query}
        onInput={({ currentTarget }) => setParams({ q: currentTarget.value })}
      />
      <Chip
        isOn={isCoreOnly}
        label="core"
        count={core}
        onClick={() => setParams({ kind: isCoreOnly ? null : "core" })}
      />
      <Chip
        isOn={isTroubleOnly}
        label={silent ? "with problems or unknown" : "in trouble"}
        count={troubled === 0 && !troubles.isKnown ? null : troubled}
        tone={worst}
        onClick={() => setParams({ state: isTroubleOnly ? null : "trouble" })}
      />
      <span class="chip-gap" aria-hidden="true" />
      {chips.map(({ name, count, tone }) => (
        <Chip
          key={name}
          isOn={name === role}
          label={name}
          count={count}
          tone={tone}
          onClick={() => setParams({ role: name === role ? null : name })}
        />
      ))}
    </div>
  );
}

interface ChipProps {
  readonly isOn: boolean;
  readonly label: string;
  /** Null when unknown. */
  readonly count: number | null;
  /** Of the worst of them; "ok" shows none. */
  readonly tone?: Tone;
  readonly onClick: () => void;
}

function Chip({ isOn, label, count, tone = "ok", onClick }: ChipProps) {
  return (
    <button type="button" class="chip" aria-pressed={isOn} onClick={onClick}>
      {tone !== "ok" && (
        <>
          <Shape tone={tone} />{" "}
        </>
      )}
      <span class="isolate">{label}</span> <span class="muted">{formatNumber(count)}</span>
    </button>
  );
}

/**
 * How many containers each role has, those of the product first, with the worst state of those that
 * need attention. `silent`: whether the engine of one does not answer.
 */
function countContainers(all: readonly ContainerRow[], troubles: FilterProps["troubles"]) {
  const roles = new Map<string, { name: string; count: number; tone: Tone }>();
  let [core, troubled, silent] = [0, 0, false];
  for (const row of all) {
    const entry = roles.get(row.role) ?? { name: row.role, count: 0, tone: "ok" };
    roles.set(row.role, entry);
    entry.count += 1;
    if (row.kind === "CORE") core += 1;
    if (!isTroubled(row, troubles)) continue;
    troubled += 1;
    silent ||= row.stale;
    entry.tone = toWorst([entry.tone, toSeenState(row, troubles).tone]);
  }
  const counts = [...roles.values()];
  return { roles: counts, core, troubled, worst: toWorst(counts.map(({ tone }) => tone)), silent };
}

function NoRows({ all, isFiltered }: { readonly all: number; readonly isFiltered: boolean }) {
  const env = params.value.get("env");
  const destination = params.value.get("destination");
  const place = [env && `in ${env.toLowerCase()}`, destination && `at ${destination}`].filter(Boolean).join(" ");
  if (all === 0) return <Empty>No container {place || "on the engines that this token may see"}.</Empty>;
  return (
    <Empty>
      {isFiltered ? "No container matches the filter" : "No containers"}; {formatNumber(all)} others are hidden.{" "}
      <a class="link" href={href("/containers")}>
        Show all
      </a>
    </Empty>
  );
}
