import { explainSilentEngine } from "../../facts/engine.ts";
import type { Seen } from "../../facts/trouble.ts";
import { toSeenStatus, toTroublesBesideHealth } from "../output/container-state.ts";
import { toContainerColumn } from "../output/container-columns.ts";
import { formatHealth, toHealthTone } from "../../facts/container.ts";
import { Containers, type ContainersQuery, ContainerUsage, OpsError, Problems } from "../../client/client.ts";
import { formatAge, formatDuration, formatEnum, formatText } from "../../facts/format.ts";
import { toShortRelease } from "../../lib/short-release.ts";
import { defineList } from "../list.ts";
import { envOption, toEnv } from "../options.ts";

type Row = NonNullable<ContainersQuery["containers"]>[number] & {
  readonly cpuPct?: number | null;
  readonly memPct?: number | null;
};

/** The state of each row: its problem is not part of the row, which `-o json` prints. */
const seen = new WeakMap<Row, Seen>();
const toSeen = (row: Row): Seen => seen.get(row) ?? toSeenStatus(row, new Map());

export const psCommand = defineList({
  name: "ps",
  summary: "the product's containers, on all engines",
  args: "[ROLE|NAME...]",
  about: "Lists only the given roles or names, if any. Hides accessories (databases, proxies) without --all.",
  options: {
    env: envOption,
    engine: { type: "string", value: "NAME", about: "only of this engine" },
    all: { type: "boolean", short: "a", about: "accessories too" },
    usage: { type: "boolean", short: "u", about: "add current CPU and memory; this takes the engines about a second" },
  },
  examples: [
    ["wallet-core-ops ps", "What runs"],
    ["wallet-core-ops ps worker --usage", "The workers with their CPU and memory"],
    ["wallet-core-ops ps -o name | xargs -n1 wallet-core-ops logs", "Names for a script"],
  ],
  columns: [
    { head: "NAME", text: ({ name }: Row) => name, mayCut: "middle", least: 16 },
    { head: "ROLE", text: ({ role }) => role, mayCut: true },
    { head: "STATE", text: (row) => toSeen(row).word, tone: (row) => toSeen(row).tone },
    {
      head: "HEALTH",
      text: ({ health }) => formatHealth(health),
      tone: ({ health }) => toHealthTone(health),
    },
    {
      head: "UP",
      text: ({ status, startedAt }) => (status === "running" ? formatAge(startedAt) : "–"),
      isNumber: true,
    },
    toContainerColumn("restarts", ({ restarts }: Row) => restarts),
    { head: "RELEASE", text: ({ version }) => toShortRelease(version), drop: 3 },
    toContainerColumn("cpuPct", ({ cpuPct }: Row) => cpuPct),
    toContainerColumn("memPct", ({ memPct }: Row) => memPct),
    { head: "ENGINE", text: ({ engine }) => engine, mayCut: true, drop: 2 },
    { head: "ENV", text: ({ env }) => formatEnum(env), drop: 1 },
    { head: "SERVICE", text: ({ service }) => formatText(service), isWide: true },
    { head: "DESTINATION", text: ({ destination }) => formatText(destination), isWide: true },
    { head: "HOST", text: ({ host }) => host, isWide: true },
    { head: "STARTED", text: ({ startedAt }) => formatText(startedAt), isWide: true },
    { head: "VERSION", text: ({ version }) => version, isWide: true },
  ],
  nameOf: ({ name }) => name,
  empty: "No containers of the product run here; use --all to include accessories",
  read: async (client, { env, engine, all, usage }, asked, signal) => {
    const variables = { env: toEnv(env), engine: engine ?? null, includeAccessories: all ?? false };
    const [listed, used, wrong] = await Promise.all([
      client.queryPartial(Containers, variables, { signal }),
      usage ? client.queryPartial(ContainerUsage, variables, { signal }) : null,
      client.queryPartial(Problems, { env: variables.env }, { signal }).catch(() => null),
    ]);
    const troubles = toTroublesBesideHealth(wrong?.data.problems?.problems);
    const usages = new Map(used?.data.containers?.map((row) => [row.id, row]));
    const rows = (listed.data.containers ?? []).filter(
      ({ name, role }) => asked.length === 0 || asked.includes(name) || asked.includes(role),
    );
    const missing = asked.filter((text) => !rows.some(({ name, role }) => name === text || role === text));
    const shown = rows.map((row): Row => {
      const own = usages.get(row.id);
      return own ? { ...row, cpuPct: own.cpuPct, memPct: own.memPct } : row;
    });
    for (const row of shown) seen.set(row, toSeenStatus(row, troubles));
    return {
      rows: shown,
      errors: [
        ...listed.errors,
        ...(used?.errors ?? []),
        ...missing.map((text) => new OpsError("not_found", `There is no container or role named ${text}`)),
      ],
      notes: (listed.data.engines ?? []).flatMap(({ name, ok, ageSeconds, error }) =>
        ok ? [] : [explainSilentEngine(name, error?.message, toStaleness(ageSeconds))],
      ),
    };
  },
});

function toStaleness(ageSeconds: number | null): string {
  return ageSeconds === null ? "" : `so its rows are ${formatDuration(ageSeconds)} old`;
}
