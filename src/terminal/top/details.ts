import { toSeenStatus, toTroublesBesideHealth } from "../output/container-state.ts";
import { toContainerColumn } from "../output/container-columns.ts";
import { formatQueueNumber, queueNumberNames, toQueueNumber } from "../../facts/queue.ts";
import { toNumberTone } from "../output/queue-columns.ts";
import { formatHealth, toHealthTone } from "../../facts/container.ts";
import { toHostState, hostNumberNames, hostNumbers } from "../../facts/host.ts";
import { formatFact } from "../../facts/number.ts";
import { toQueueTone } from "../../facts/queue.ts";
import { toSeverityTone } from "../../facts/problem.ts";
import { formatAge, formatClock, formatEnum, formatNumber } from "../../facts/format.ts";
import type { Paint, Tone } from "../output/style.ts";
import {
  type HostRow,
  type ProblemRow,
  type QueueRow,
  type Role,
  type SectionName,
  type TopData,
  toQueueId,
  toRoles,
} from "./state.ts";
import { toGroup } from "./sections.ts";
import { toTable } from "../output/table.ts";
import { toLine, wrap } from "./text.ts";

interface DetailOptions {
  readonly data: TopData;
  readonly section: SectionName;
  readonly id: string | null;
  readonly nowMs: number;
  readonly width: number;
  readonly paint: Paint;
}

/** Everything about one row, as lines. */
export function toDetail({ data, section, id, nowMs, width, paint }: DetailOptions): readonly string[] {
  const write = toWriter(width, paint);
  const problem = section === "problems" ? data.problems.value?.problems.find((row) => row.id === id) : undefined;
  if (problem) return toProblem(problem, nowMs, write);
  const role = section === "roles" ? toRoles(data).find((row) => row.id === id) : undefined;
  if (role) return toRole(role, data, { nowMs, width, paint, write });
  const queue = section === "queues" ? data.queues.value?.find((row) => toQueueId(row) === id) : undefined;
  if (queue) return toQueue(queue, data, nowMs, write);
  const host = section === "hosts" ? data.hosts.value?.find(({ instance }) => instance === id) : undefined;
  if (host) return toHost(host, write);
  return write.text("muted", "It is no longer listed.");
}

interface Writer {
  /** A text on as many lines as it takes. */
  readonly text: (tone: Tone, text: string) => readonly string[];
  /** A name and its value, which may take further lines. */
  readonly fact: (name: string, value: string, tone?: Tone) => readonly string[];
}

const factWidth = 12;

function toWriter(width: number, paint: Paint): Writer {
  return {
    text: (tone, text) => wrap(text, width).map((line) => paint(tone, line)),
    fact: (name, value, tone = "plain") =>
      wrap(value, width - factWidth).map(
        (line, index) => paint("muted", (index === 0 ? name : "").padEnd(factWidth)) + paint(tone, line),
      ),
  };
}

function toProblem(row: ProblemRow, nowMs: number, { text, fact }: Writer): readonly string[] {
  const since = row.since === null ? "unknown" : `${formatAge(row.since, nowMs)} ago, ${formatClock(row.since)}`;
  return [
    ...text("strong", row.title),
    "",
    ...fact("severity", formatEnum(row.severity), toSeverityTone(row.severity)),
    ...fact("since", since),
    ...row.evidence.flatMap((line, index) => fact(index === 0 ? "evidence" : "", line)),
    ...fact("rule", row.rule),
    ...(row.alert === null ? [] : fact("alert", `${row.alert} (docs/alerts.md)`)),
    ...toPlaces(row).flatMap((line, index) => fact(index === 0 ? "look at" : "", line)),
  ];
}

/** Where to look. Commands are of this program. */
function toPlaces({ container, queue, host, engine, deploy, source, role }: ProblemRow): readonly string[] {
  return [
    ...(container
      ? [`container ${container.name} on engine ${container.engine}`, `wallet-core-ops ps ${container.name}`]
      : []),
    ...(queue ? [`queue ${queue.name} of source ${queue.source}`, `wallet-core-ops errors --queue ${queue.name}`] : []),
    ...(host ? [`host ${host.name}`, "wallet-core-ops hosts"] : []),
    ...(engine && !container ? [`engine ${engine.name}`, "wallet-core-ops check, on the gateway's machine"] : []),
    ...(deploy ? [`deploy ${deploy.tag}`, "wallet-core-ops deploys; wallet-core-ops drift"] : []),
    ...(source !== null && !queue ? [`source ${source}`] : []),
    ...(role !== null && !container ? [`role ${role}`, `wallet-core-ops ps ${role}`] : []),
  ];
}

interface RoleOptions {
  readonly nowMs: number;
  readonly width: number;
  readonly paint: Paint;
  readonly write: Writer;
}

function toRole(own: Role, data: TopData, { nowMs, width, paint, write }: RoleOptions): readonly string[] {
  const { role, containers } = own;
  const group = toGroup(own);
  const usageOf = (id: string) => data.usage.value?.get(id);
  const troubles = toTroublesBesideHealth(data.problems.value?.problems);
  return [
    toLine(
      [
        ["strong", role],
        ["muted", group === "" ? "" : `  ${group}`],
      ],
      width,
      paint,
    ),
    "",
    ...toTable(
      containers,
      [
        { head: "CONTAINER", text: ({ name }) => name, mayCut: true },
        {
          head: "STATE",
          text: (row) => toSeenStatus(row, troubles).word,
          tone: (row) => toSeenStatus(row, troubles).tone,
        },
        {
          head: "HEALTH",
          text: ({ health }) => formatHealth(health),
          tone: ({ health }) => toHealthTone(health),
          drop: 8,
        },
        {
          head: "UP",
          text: ({ status, startedAt }) => (status === "running" ? formatAge(startedAt, nowMs) : "–"),
          isNumber: true,
          drop: 7,
        },
        { ...toContainerColumn("restarts", ({ restarts }) => restarts), drop: 9 },
        { ...toContainerColumn("cpuPct", ({ id }) => usageOf(id)?.cpuPct ?? null), drop: 6 },
        { ...toContainerColumn("memPct", ({ id }) => usageOf(id)?.memPct ?? null), drop: 5 },
        { head: "ENGINE", text: ({ engine }) => engine, mayCut: true, drop: 4 },
      ],
      { width, paint },
    ),
    "",
    ...containers.flatMap(({ name, version }, index) => [
      ...(index === 0 ? write.text("muted", "releases") : []),
      ...write.text("plain", `${name}: ${version}`),
    ]),
  ];
}

function toQueue(row: QueueRow, { errors }: TopData, nowMs: number, { text, fact }: Writer): readonly string[] {
  const part = errors?.id === toQueueId(row) ? errors.part : { value: null, error: null };
  return [
    ...text("strong", row.name),
    "",
    ...fact("state", formatEnum(row.state), toQueueTone(row.state)),
    ...fact("source", row.source),
    ...queueNumberNames
      .filter((name) => typeof row[name as keyof QueueRow] === "number")
      .flatMap((name) => fact(toQueueNumber(name).label, formatQueueNumber(name, row), toNumberTone(name, row))),
    "",
    ...text("muted", "errors of the last 60 minutes, newest first"),
    ...(part.error === null ? [] : text("bad", part.error)),
    ...(part.value === null && part.error === null ? text("muted", "asking…") : []),
    ...(part.value?.length === 0 ? text("plain", "no job failed with an error") : []),
    ...(part.value ?? []).flatMap(({ count, complete, timestamp, error, fingerprint }) => [
      ...fact(`${complete ? "" : "≥"}${formatNumber(count)} times`, error, "bad"),
      ...fact("", `last ${formatAge(timestamp, nowMs)} ago; group ${fingerprint}`, "muted"),
    ]),
  ];
}

function toHost(row: HostRow, { text, fact }: Writer): readonly string[] {
  return [
    ...text("strong", row.name),
    "",
    ...fact("state", toHostState(row).word, toHostState(row).tone),
    ...fact("instance", row.instance),
    ...hostNumberNames.flatMap((name) => fact(hostNumbers[name].label, formatFact(hostNumbers[name], row[name]))),
    ...(row.reason === null ? [] : fact("reason", row.reason, "warn")),
  ];
}
