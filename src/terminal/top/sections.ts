import { toSeenStatus, toTroublesBesideHealth } from "../output/container-state.ts";
import { toContainerColumn } from "../output/container-columns.ts";
import { toNumberColumns } from "../output/queue-columns.ts";
import { toWorst } from "../../facts/tone.ts";
import { toContainerState, toKey } from "../../facts/container.ts";
import { compareHosts, toHostState, hostNumbers } from "../../facts/host.ts";
import { formatFact } from "../../facts/number.ts";
import { compareQueues, toQueueTone } from "../../facts/queue.ts";
import { noProblems, toSeverityTone } from "../../facts/problem.ts";
import { formatAge, formatEnum } from "../../facts/format.ts";
import { toShortRelease } from "../../lib/short-release.ts";
import { type Column, cut, toTable } from "../output/table.ts";
import { type Paint, toOneLine, type Tone } from "../output/style.ts";
import {
  type ContainerRow,
  type HostRow,
  type Lists,
  type ProblemRow,
  type QueueRow,
  type Role,
  type SectionName,
  type TopData,
  toQueueId,
  toRoles,
} from "./state.ts";
import { type Piece, toBar, toLine, toSparkline } from "./text.ts";

/** A part of the screen: a heading, notes, and rows that can be selected. */
export interface Section {
  readonly name: SectionName;
  /** Ids of the rows that pass the filter, in their order. */
  readonly ids: readonly string[];
  /** What to know about the rows, or why there are none. */
  readonly notes: readonly Piece[];
  /** The heading, then one line for each row. `more` are the rows that are cut. */
  readonly lines: (options: {
    readonly width: number;
    readonly paint: Paint;
    readonly more: number;
  }) => readonly string[];
}

interface SectionOptions {
  readonly data: TopData;
  readonly filter: string;
  readonly nowMs: number;
  /** Of the terminal. */
  readonly columns: number;
}

/** The sections in their order. */
export function toSections(options: SectionOptions): readonly Section[] {
  return [toProblems(options), toRoleRows(options), toQueues(options), toHosts(options)];
}

export function toLists(sections: readonly Section[]): Lists {
  const idsOf = (name: SectionName) => sections.find((section) => section.name === name)?.ids ?? [];
  return { problems: idsOf("problems"), roles: idsOf("roles"), queues: idsOf("queues"), hosts: idsOf("hosts") };
}

interface Form<Row> {
  readonly name: SectionName;
  readonly part: { readonly value: unknown; readonly error: string | null };
  readonly rows: readonly Row[];
  readonly idOf: (row: Row) => string;
  readonly columns: readonly Column<Row>[];
  /** Whether the heads of columns stand beside the heading. */
  readonly hasHeads: boolean;
  readonly notes?: readonly Piece[];
  /** Instead of rows. */
  readonly empty: string;
}

function toSection<Row>(form: Form<Row>, filter: string): Section {
  const { name, part, rows, idOf, columns, hasHeads, notes = [], empty } = form;
  const text = filter.toLowerCase();
  const passes = (row: Row) => columns.some((column) => toOneLine(column.text(row)).toLowerCase().includes(text));
  const shown = text === "" ? rows : rows.filter(passes);
  const absent: readonly Piece[] =
    part.value === null
      ? part.error === null
        ? [["muted", "asking…"]]
        : []
      : shown.length > 0
        ? []
        : [["muted", rows.length > 0 ? `none of ${rows.length} has '${filter}'` : empty]];
  return {
    name,
    ids: shown.map(idOf),
    notes: [...(part.error === null ? [] : [["bad", part.error] as const]), ...notes, ...absent],
    lines: ({ width, paint, more }) => {
      const count = part.value === null ? "" : ` ${text === "" ? rows.length : `${shown.length} of ${rows.length}`}`;
      const heading = `${name.toUpperCase()}${count}${more > 0 ? `, +${more} more` : ""}`;
      if (shown.length === 0 || !hasHeads) {
        return [
          toLine([["muted", heading]], width, paint),
          ...toTable(shown, columns, { width, paint, hasHead: false }),
        ];
      }
      const headed = columns.map((column, index) =>
        index === 0 ? { ...column, head: heading, least: Math.max(leastName, heading.length) } : column,
      );
      return toTable(shown, headed, { width, paint });
    },
  };
}

/** The width of a name, for which other columns are left out. */
const leastName = 16;

/**
 * Below this number of columns, a title has the role and the short release in place of long names.
 */
const wideTitles = 140;

function toProblems({ data, filter, nowMs, columns }: SectionOptions): Section {
  const { problems } = data;
  return toSection<ProblemRow>(
    {
      name: "problems",
      part: problems,
      rows: problems.value?.problems ?? [],
      idOf: ({ id }) => id,
      hasHeads: false,
      columns: [
        { head: "", text: ({ severity }) => formatEnum(severity), tone: ({ severity }) => toSeverityTone(severity) },
        { head: "", text: ({ since }) => formatAge(since, nowMs), isNumber: true },
        {
          head: "",
          text: (row) => (columns < wideTitles ? toShortTitle(row) : row.title),
          tone: () => "strong",
          mayCut: true,
          least: 40,
        },
        { head: "", text: ({ evidence }) => evidence.join("; "), mayCut: true, drop: 9 },
      ],
      notes: (problems.value?.gaps ?? []).map((gap) => ["warn", `could not be checked: ${gap}`]),
      empty: noProblems.toLowerCase(),
    },
    filter,
  );
}

/** The title with the role in place of its container's name, and the release in short. */
function toShortTitle({ title, container, role, deploy }: ProblemRow): string {
  const named = container && role ? title.replaceAll(container.name, role) : title;
  return deploy ? named.replaceAll(deploy.tag, toShortRelease(deploy.tag)) : named;
}

function toRoleRows({ data, filter, columns }: SectionOptions): Section {
  const { containers, usage, trends } = data;
  const spark = toSparkWidth(columns);
  const roles = toRoles(data);
  // If there is little room, values that all of them share are left out.
  const isOneService = columns < wideRoles && new Set(roles.map(({ service }) => service)).size === 1;
  const troubles = toTroublesBesideHealth(data.problems.value?.problems);
  const toTone = (role: Role) => toRoleTone(role, troubles);
  const trend = (kind: string, { id }: Role, least: number) =>
    toSparkline(trends.get(`${kind} ${id}`) ?? [], spark, least);
  return toSection<Role>(
    {
      name: "roles",
      part: containers,
      rows: roles,
      idOf: ({ id }) => id,
      hasHeads: true,
      columns: [
        { head: "", text: ({ role }) => role, tone: () => "strong", mayCut: true },
        {
          head: isOneService ? "WHERE" : "SERVICE",
          text: (row) => (isOneService ? row.place : toGroup(row)),
          mayCut: true,
          drop: 7,
        },
        { head: "", text: ({ containers: rows }) => toDots(rows), tone: toTone, drop: 8 },
        { head: "REPLICAS", text: ({ containers: rows }) => toReplicas(rows, troubles), tone: toTone },
        { head: "RELEASE", text: ({ containers: rows }) => toReleases(rows), drop: 9 },
        { ...toContainerColumn("cpuPct", ({ usage: { cpuPct } }) => cpuPct ?? null), drop: 6 },
        { head: "", text: (row) => trend("cpu", row, 10), tone: () => "muted", drop: 3 },
        { ...toContainerColumn("memPct", ({ usage: { memPct } }) => memPct ?? null), drop: 5 },
        { head: "", text: (row) => trend("mem", row, 100), tone: () => "muted", drop: 2 },
      ],
      notes: usage.error === null ? [] : [["warn", `CPU and memory: ${usage.error}`]],
      empty: "no containers of the product run here",
    },
    filter,
  );
}

/** From this number of columns on, a role is shown with its whole service group. */
const wideRoles = 110;

/** Service, destination and environment. */
export function toGroup({ service, place }: Role): string {
  return [service, place].filter(Boolean).join("/");
}

function toSparkWidth(columns: number): number {
  return columns >= 160 ? 24 : columns >= wideRoles ? 10 : 6;
}

const mostDots = 8;

/** ● runs and is not known to be unhealthy, ◐ starts or is unhealthy, ○ does not run. */
function toDots(rows: readonly ContainerRow[]): string {
  const dots = rows.map((row) =>
    row.status !== "running" ? "○" : row.health === "UNHEALTHY" || row.health === "STARTING" ? "◐" : "●",
  );
  return dots.length > mostDots ? `${dots.slice(0, mostDots - 1).join("")}…` : dots.join("");
}

type Troubles = ReturnType<typeof toTroublesBesideHealth>;

/** How many run, and what is wrong with those: "2/3 running, 1 unhealthy, 1 restarts in a loop". */
function toReplicas(rows: readonly ContainerRow[], troubles: Troubles): string {
  const running = rows.filter(({ status }) => status === "running").length;
  const ill = rows.filter(({ status, health }) => status === "running" && health === "UNHEALTHY").length;
  const stale = rows.some((row) => row.stale);
  return `${running}/${rows.length} ${stale ? "were running" : "running"}${ill > 0 ? `, ${ill} unhealthy` : ""}${toWrong(rows, troubles)}`;
}

function toWrong(rows: readonly ContainerRow[], troubles: Troubles): string {
  const live = rows.filter(({ status, stale }) => !stale && (status === "running" || status === "restarting"));
  const words = live.flatMap((row) => troubles.get(toKey(row))?.word ?? []);
  return [...Map.groupBy(words, (word) => word)].map(([word, { length }]) => `, ${length} ${word}`).join("");
}

function toRoleTone({ containers }: Role, troubles: Troubles): Tone {
  return toWorst(containers.flatMap((row) => [toContainerState(row).tone, toSeenStatus(row, troubles).tone]));
}

const widestRelease = 24;

/** The releases that run. */
function toReleases(rows: readonly ContainerRow[]): string {
  return cut([...new Set(rows.map(({ version }) => toShortRelease(version)))].join(", "), widestRelease);
}

function toQueues({ data, filter, columns }: SectionOptions): Section {
  const { queues, queueSources, env, trends } = data;
  const envs = new Map(queueSources.map((source) => [source.name, source.env]));
  const isOfEnv = (source: string) => env === null || envs.get(source) === env;
  const spark = toSparkWidth(columns);
  return toSection<QueueRow>(
    {
      name: "queues",
      part: queues,
      rows: (queues.value ?? []).filter(({ source }) => isOfEnv(source)).toSorted(compareQueues),
      idOf: toQueueId,
      hasHeads: true,
      columns: [
        { head: "", text: ({ name }) => name, tone: () => "strong", mayCut: true },
        { head: "STATE", text: ({ state }) => formatEnum(state), tone: ({ state }) => toQueueTone(state) },
        ...toNumberColumns<QueueRow>(["depth"]),
        {
          head: "",
          text: (row) => toSparkline(trends.get(`depth ${toQueueId(row)}`) ?? [], spark),
          tone: () => "muted",
          drop: 3,
        },
        ...toNumberColumns<QueueRow>(["oldestAgeSeconds", "processedPerSec", "failuresLastHour", "drainSeconds"], {
          oldestAgeSeconds: { drop: 9 },
          processedPerSec: { drop: 7 },
          failuresLastHour: { drop: 8 },
          drainSeconds: { drop: 6 },
        }),
        { head: "SOURCE", text: ({ source }) => source, mayCut: true, drop: 2 },
      ],
      notes: queueSources.flatMap(({ name, ok, error }) =>
        ok || !isOfEnv(name) ? [] : [["warn", `source ${name}: ${error?.message ?? "it cannot be asked"}`] as const],
      ),
      empty: "no queues",
    },
    filter,
  );
}

function toHosts({ data: { hosts }, filter, columns }: SectionOptions): Section {
  const bar = columns >= 160 ? 20 : 8;
  const toColumns = (name: "cpuUtil" | "memUtil" | "diskUtil", drop: number): readonly Column<HostRow>[] => [
    {
      head: hostNumbers[name].label.toUpperCase(),
      text: (row) => formatFact(hostNumbers[name], row[name]),
      isNumber: true,
      drop,
    },
    { head: "", text: (row) => toBar(row[name], bar), tone: toBarTone, drop: drop - 4 },
  ];
  return toSection<HostRow>(
    {
      name: "hosts",
      part: hosts,
      rows: (hosts.value ?? []).toSorted(compareHosts),
      idOf: ({ instance }) => instance,
      hasHeads: true,
      columns: [
        { head: "", text: ({ name }) => name, tone: () => "strong", mayCut: true },
        { head: "STATE", text: (row) => toHostState(row).word, tone: (row) => toHostState(row).tone },
        ...toColumns("cpuUtil", 9),
        ...toColumns("memUtil", 8),
        ...toColumns("diskUtil", 7),
      ],
      empty: "Prometheus knows no host",
    },
    filter,
  );
}

function toBarTone(row: HostRow): Tone {
  const { tone } = toHostState(row);
  return tone === "ok" ? "muted" : tone;
}
