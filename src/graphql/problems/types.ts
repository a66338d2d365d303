import { severityMeanings } from "../../facts/problem.ts";
import type { CurrentProblem } from "../../problems/problem.ts";
import { whenKnown } from "../../lib/known.ts";
import { type ProblemKind, problemRules, type Severity } from "../../problems/rules.ts";
import { type Builder, counted, exposeAll, type ObjectRef, ofRow } from "../builder.ts";
import { preloaded } from "../preload.ts";
import type { Refs } from "../refs.ts";
import { type Scalars, toEnumValues } from "../scalars.ts";
import type { ProblemsOf } from "../things.ts";
import type { CurrentProblems } from "./loader.ts";

/** CurrentProblem and CurrentProblems, and the query problems. */
export function addProblems(builder: Builder, refs: Refs, scalars: Scalars): void {
  const severity = builder.enumType("ProblemSeverity", {
    description: "How urgent a problem is, as its alert.",
    values: toEnumValues(severityMeanings),
  });
  const rules = Object.entries(problemRules).map(([kind, { rule }]) => [kind, rule]);
  const kind = builder.enumType("ProblemKind", {
    description:
      "What is wrong, with its rule. Worst first: the order of `CurrentProblems.problems` within a severity.",
    values: toEnumValues<ProblemKind>(Object.fromEntries(rules) as Record<ProblemKind, string>),
  });
  const problem = builder.objectRef<CurrentProblem>("CurrentProblem").implement({
    description: "One thing that is wrong now, with its evidence and where to look. One for each kind and subject.",
    fields: (t) => ({
      id: t.exposeID("id", {
        description: "Made of the kind and the subject: stays the same while the problem lasts. Not for `node`.",
      }),
      kind: t.expose("kind", { type: kind, description: "What is wrong." }),
      severity: t.expose("severity", { type: severity, description: "How urgent it is." }),
      since: t.expose("since", {
        type: "DateTime",
        nullable: true,
        description:
          "When it began. Of a container: its engine's event or time (of memory: the first sample). Of a " +
          "queue: when its oldest job could run, or when the state was first seen. Of a host: when the " +
          "state was first seen. Of an engine: when it last answered. Of a deploy or drift: when it was " +
          "deployed, or what differs was created. Of a full file system: to 5 minutes, from Prometheus. Null when unknown.",
      }),
      at: t.expose("at", {
        type: "DateTime",
        nullable: true,
        description:
          "The time to look at in the log of `container`: its last end, kill or health check. Null when unknown.",
      }),
      ...exposeAll(t, {
        "title: String!": "A sentence for people; may change.",
        "measure: String":
          "The number that it is about: the name of a field of `queue`, `container` or `host`, such as `memPct`. " +
          "Null without one.",
        "evidence: [String!]!": "Short facts for people; what is unknown is left out.",
        "rule: String!": "The rule in words, with its numbers.",
        "alert: String": "Name of the matching alert of Prometheus and Grafana (docs/alerts.md); null without one.",
        "env: Environment": "Its environment; null when unknown, or of several.",
        "destination: String": "Kamal's destination; null without one, or when unknown.",
        "service: String": "Kamal's service; null when unknown.",
        "role: String": "The role; null when it concerns several or none.",
        "source: String": "Configured name of the queue source; null when it concerns several or none.",
        "upstream: String":
          "`postgres`, `redis`, `rabbitmq` or `prometheus`, if that cannot be read or its clock differs; else null.",
        "place: String": "Name of the database or broker where several are configured; null otherwise.",
      }),
      alertAfterSeconds: t.exposeInt("alertAfterSeconds", {
        nullable: true,
        description: "How long the problem must last before `alert` fires, seconds; null without one.",
      }),
      container: t.expose("container", {
        type: refs.container,
        nullable: true,
        description: "The container to look at first; null when it concerns none.",
      }),
      containers: t.expose("containers", {
        type: [refs.container],
        complexity: { field: 1, multiplier: 3 },
        description: "All containers that it concerns, by engine.",
      }),
      queue: t.expose("queue", {
        type: refs.queue,
        nullable: true,
        description: "The queue; null when it concerns none.",
      }),
      host: t.expose("host", {
        type: refs.host,
        nullable: true,
        description: "The host; null when it concerns none.",
      }),
      engine: t.expose("engine", {
        type: refs.engine,
        nullable: true,
        description:
          "The engine that does not answer, or whose clock differs; null when it " +
          "concerns none, or one that the token may not see.",
      }),
      deploy: t.expose("deploy", {
        type: refs.deploy,
        nullable: true,
        description: "The deploy that went wrong, or that should run; null when it concerns none.",
      }),
    }),
  });
  const problems = builder.objectRef<CurrentProblems>("CurrentProblems").implement({
    description: "What is wrong now, and what could not be checked.",
    fields: (t) => ({
      problems: t.expose("problems", {
        type: [problem],
        complexity: { field: 1, multiplier: 20 },
        description:
          "Worst first: by severity, then by kind, then the one that lasts longest " +
          "(unknown last). Empty when nothing is known to be wrong.",
      }),
      criticalCount: t.int({
        ...ofRow,
        description: "How many are CRITICAL.",
        resolve: (found) => count(found, "critical"),
      }),
      warningCount: t.int({
        ...ofRow,
        description: "How many are WARNING.",
        resolve: (found) => count(found, "warning"),
      }),
      ...exposeAll(t, {
        "gaps: [String!]!":
          "What could not be checked, and why, for people. An upstream that does not answer is a problem, not a gap.",
        "quietSince: DateTime":
          "Since when every check found nothing, with checks at most a minute apart; no earlier than the " +
          "first request to this process. Null while something is wrong or could not be checked.",
        "checkedAt: DateTime!":
          "When this was checked: tokens for the same environments share an answer for " +
          "a second. Verdicts on deploys may be half a minute older.",
      }),
    }),
  });
  /** Adds the problems of one thing, without a second check. */
  const addTo = <Row extends object>(
    ref: ObjectRef<Row>,
    about: string,
    pick: (of: ProblemsOf, row: Row) => readonly CurrentProblem[],
  ) =>
    builder.objectField(ref, "problems", (t) =>
      t.field({
        type: [problem],
        nullable: true,
        // All rows of a list together have few: each one is in the list of the query.
        complexity: counted,
        description:
          `Problems that concern ${about}, worst first, as in the query \`problems\`. ` +
          "`problems { gaps }` names what could not be checked.",
        ...preloaded((_rows, { loaders }) => loaders.problemsOf()),
        resolve: (row, _args, { loaders }) => whenKnown(loaders.problemsOf(), (of) => pick(of, row)),
      }),
    );
  addTo(refs.container, "it, alone or among others", (of, row) => of.container(row));
  addTo(refs.role, "it or one of its containers", (of, row) => of.role(row));
  addTo(refs.queue, "it", (of, row) => of.queue(row));
  addTo(refs.host, "it", (of, row) => of.host(row));
  addTo(refs.engine, "it or one of its containers", (of, row) => of.engine(row));
  addTo(refs.deploy, "it", (of, row) => of.deploy(row));
  builder.queryField("problems", (t) =>
    t.field({
      type: problems,
      nullable: true,
      complexity: { field: 500, multiplier: 1 },
      description:
        "What is wrong now, worst first, judged by what the other queries return: " +
        "containers, roles, queues, hosts, engines, deploys and drift. With SERVICE or CORE " +
        "set, only what belongs to the product is judged. The alerts of Prometheus have the " +
        "same rules and thresholds, but wait `alertAfterSeconds`.",
      args: {
        env: t.arg({
          type: scalars.environment,
          description:
            "Only this environment, and problems without a known one; forbidden when the token does not list it.",
        }),
      },
      resolve: (_root, { env }, { loaders }) => loaders.problems(env ?? null),
    }),
  );
}

function count({ problems }: CurrentProblems, severity: Severity): number {
  return problems.filter((problem) => problem.severity === severity).length;
}
