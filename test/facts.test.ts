import { globSync, readFileSync } from "node:fs";
import { buildSchema, isEnumType, isObjectType } from "graphql";
import { describe, expect, it } from "vitest";
import { containerNumbers, containerStatuses, healthStates } from "../src/facts/container.ts";
import {
  containersWorsenings,
  deployMeanings,
  deployNumbers,
  deployStates,
  driftKinds,
  driftWords,
  outcomeMeanings,
  queueWorsenings,
  unjudgeableMeanings,
  verdictNumbers,
  verdictOutcomes,
  windowNumbers,
} from "../src/facts/deploy.ts";
import { hostNumbers, hostStates } from "../src/facts/host.ts";
import { jobStates } from "../src/facts/job.ts";
import { severities, severityMeanings } from "../src/facts/problem.ts";
import { describeMetric, describeNumber, type NumberFact } from "../src/facts/number.ts";
import { queueNumbers, queueStates } from "../src/facts/queue.ts";
import { timelineKinds } from "../src/facts/timeline.ts";
import type { Tone } from "../src/facts/tone.ts";
import { containerTable } from "../src/metrics/containers.ts";
import { hostTable } from "../src/metrics/hosts.ts";
import { queueTable } from "../src/metrics/queues.ts";

const schema = buildSchema(readFileSync("schema/schema.graphql", "utf8"));

const catalogues: readonly (readonly [enumName: string, states: Readonly<Record<string, string>>])[] = [
  ["QueueState", queueStates],
  ["Health", healthStates],
  ["DeployState", deployStates],
  ["VerdictOutcome", verdictOutcomes],
  ["DriftKind", driftKinds],
  ["JobState", jobStates],
  ["ProblemSeverity", severities],
  ["TimelineKind", timelineKinds],
];

describe("the catalogue", () => {
  it.each(catalogues)("has every value of %s and no other", (name, states) => {
    const type = schema.getType(name);
    expect(isEnumType(type), `${name} is an enum of the schema`).toBe(true);
    const values = isEnumType(type) ? type.getValues().map((value) => value.name) : [];
    expect(Object.keys(states).toSorted()).toEqual(values.toSorted());
  });
});

const meanings: readonly (readonly [enumName: string, meanings: Readonly<Record<string, string>>])[] = [
  ["DeployState", deployMeanings],
  ["VerdictOutcome", outcomeMeanings],
  ["UnjudgeableReason", unjudgeableMeanings],
  ["QueueWorsening", queueWorsenings],
  ["ContainersWorsening", containersWorsenings],
  ["DriftKind", Object.fromEntries(Object.entries(driftWords).map(([kind, { about }]) => [kind, about]))],
  ["ProblemSeverity", severityMeanings],
];

describe("the schema", () => {
  it.each(meanings)("says of each %s what the catalogue says", (name, words) => {
    const type = schema.getType(name);
    for (const [value, meaning] of Object.entries(words)) {
      // Of a state it also has the rules.
      const description = isEnumType(type) ? type.getValue(value)?.description : undefined;
      expect(description?.startsWith(meaning), `${name}.${value}`).toBe(true);
    }
  });
});

const { restarts, ...stats } = containerNumbers;
const { windowSeconds, ...ofContainers } = verdictNumbers;
const numbers: readonly (readonly [typeName: string, facts: Readonly<Record<string, NumberFact>>, prefix: string])[] = [
  ["Queue", queueNumbers, "ops_queue"],
  ["Host", hostNumbers, "ops_host"],
  ["Container", { restarts }, "ops_container"],
  ["ContainerStats", stats, "ops_container"],
  ["Deploy", deployNumbers, "ops_deploy"],
  ["DeployVerdict", { windowSeconds }, "ops_deploy"],
  ["ContainersVerdict", ofContainers, "ops_deploy"],
  ["QueueWindow", windowNumbers, "ops_deploy"],
];

describe("a number of a", () => {
  const exported = [queueTable, hostTable, containerTable].flatMap(({ columns }) =>
    columns.map(([name, help]) => [name, help] as const),
  );

  it.each(numbers)("%s is described by its fact in the schema and in /metrics", (typeName, facts, prefix) => {
    const type = schema.getType(typeName);
    const fields = isObjectType(type) ? type.getFields() : {};
    for (const [name, fact] of Object.entries(facts)) {
      // A field may say more about its own rules.
      expect(fields[name]?.description?.startsWith(describeNumber(fact)), `${typeName}.${name}`).toBe(true);
    }
    const metrics = Object.values(facts).flatMap((fact) =>
      fact.metric === undefined ? [] : [[`${prefix}_${fact.metric}`, describeMetric(fact)]],
    );
    expect(exported).toEqual(expect.arrayContaining(metrics));
  });
});

const colours: Readonly<Record<string, string>> = { ok: "green", warn: "orange", bad: "red", neutral: "text" };
const all: readonly Readonly<Record<string, Tone>>[] = [
  queueStates,
  healthStates,
  deployStates,
  verdictOutcomes,
  driftKinds,
  severities,
];

interface Mapping {
  readonly options: Readonly<Record<string, { readonly color?: string }>>;
}

/** Every value mapping of every panel. */
function* findMappings(value: unknown): Generator<Mapping> {
  if (typeof value !== "object" || value === null) return;
  if ("type" in value && value.type === "value" && "options" in value) yield value as unknown as Mapping;
  for (const part of Object.values(value)) yield* findMappings(part);
}

describe("Grafana", () => {
  const dashboards = globSync("deploy/grafana/dashboards/*.json");
  const mappings = dashboards.flatMap((file) => [...findMappings(JSON.parse(readFileSync(file, "utf8")) as unknown)]);
  const lower = Object.fromEntries(Object.entries(containerStatuses).map(([name, tone]) => [name.toLowerCase(), tone]));
  const known: typeof all = [...all, hostStates, lower];

  it("colours each state by its tone, in every table that shows it", () => {
    let checked = 0;
    for (const { options } of mappings) {
      const names = Object.keys(options);
      const states = known.find((one) => names.every((name) => Object.hasOwn(one, name)));
      if (!states) continue;
      for (const name of names) {
        checked += 1;
        expect([name, options[name]?.color]).toEqual([name, colours[states[name] ?? ""]]);
      }
    }
    expect(checked).toBeGreaterThan(50);
  });
});

describe("every surface", () => {
  const files = [
    ...globSync("src/{console,terminal,mcp,grafana,rest,metrics,problems}/**/*.{ts,tsx}"),
    ...globSync("script/grafana/{,dashboards/}*.ts"),
  ];
  const names = new Set([queueStates, healthStates, deployStates, verdictOutcomes, severities].flatMap(Object.keys));
  const worth = /"?\b(\w+)"?: *\[?"(?:ok|warn|bad|neutral|muted|unknown|green|yellow|orange|red|blue|purple|text)"/g;

  it.each(files)("takes what a state is worth from the catalogue: %s", (file) => {
    const own = [...readFileSync(file, "utf8").matchAll(worth)].map(([, name = ""]) => name);
    expect(own.filter((name) => names.has(name))).toEqual([]);
  });

  const abouts = [
    ...numbers.flatMap(([, facts]) => Object.values(facts).map(({ about }) => about)),
    ...meanings.flatMap(([, words]) => Object.values<string>(words)),
  ].map((about) => about.slice(0, -1));

  it.each(files)("has no description of a number or state of its own: %s", (file) => {
    const text = readFileSync(file, "utf8");
    expect(abouts.filter((about) => text.includes(`"${about}`))).toEqual([]);
  });
});
