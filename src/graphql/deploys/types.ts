import { requireEnvironments } from "../../auth/principal.ts";
import type { DeployInfo, DeployLog, DeployOrigin } from "../../deploys/deploy.ts";
import type { Drift, DriftKind } from "../../deploys/drift.ts";
import { runsRelease } from "../../deploys/groups.ts";
import { toInfoRecord } from "../../deploys/merge.ts";
import type { Deploy, DeployState } from "../../deploys/state.ts";
import { OpsError } from "../../lib/errors.ts";
import { toOneEnvArg, toPage, toPageCost } from "../args.ts";
import { type Builder, exposeAll } from "../builder.ts";
import type { Refs } from "../refs.ts";
import { type Scalars, toEnumValues } from "../scalars.ts";

/** Deploy and DeployLog, and the queries deploys and deployLogs. */
export function addDeploys(builder: Builder, refs: Refs, scalars: Scalars): void {
  const state = builder.enumType("DeployState", {
    description: "What became of a deploy, at its service's destination.",
    values: toEnumValues<DeployState>({
      current: "The newest one, and every live container runs it; or, where nothing runs the newest, what runs.",
      incomplete: "The newest one, which some live containers, or all, do not run.",
      unknown:
        "The newest one; whether it runs is not known, as an engine is silent or containers do not say their release. Also an older one of which nothing shows whether it ever served, and any that may be of several services or destinations.",
      previous:
        "The one before what runs, of another release, that was not rolled back: where a rollback would lead. What was recorded as `previousTag` decides, else what is known to have served; none where neither is.",
      rolled_back:
        "The next deploy was a rollback, or went back to a release of before; or a container of before was started again in its place.",
      superseded: "Any other.",
      failed:
        "Nothing of it went live, as Kamal's audit log or its containers show: it is no release. Others are judged as if it were not there. One that no evidence is left of is not called so.",
    }),
  });
  const origin = builder.enumType("DeployOrigin", {
    description: "What a deploy is known from, the most telling first.",
    values: toEnumValues<DeployOrigin>({
      history: "deploy_history.jsonl, which the hook in deploy/kamal appends to.",
      info: "deploy_info.json: the last one.",
      kamal_audit: "Kamal's own audit log: what was booted, by whom.",
      containers: "When the containers of a release were made, stopped ones that Kamal keeps too.",
      images: "When the image of a release that is no more was last tagged on an engine, as Kamal does; else when it was built.",
    }),
  });
  builder.node(refs.deploy, {
    description: "One deploy of the service.",
    id: {
      description:
        "Its id in the whole schema, for `node`. It changes when better evidence shows another time or place of the deploy.",
      resolve: toDeployKey,
    },
    loadOne: async (key, { loaders }) => (await loaders.deploys.all()).find((deploy) => toDeployKey(deploy) === key) ?? null,
    fields: (t) => ({
      ...exposeAll(t, {
        "tag: String!": "Tag of the release.",
        "version: String!": "Kamal's version, which its containers carry; mostly the tag.",
        "previousTag: String":
          "Tag of the deploy before it of the same service and destination: as it was recorded, else the newest before it that is known to have served; null when there is none.",
        "commitSha: String!": 'Git commit of the release; "" when unknown.',
        "deployedBy: String": "Who deployed it; null when unknown.",
        "deployedAt: DateTime!":
          "When it had ended; of one that is known by its containers or its image only, when the last of them was made (see `origin`).",
        "durationSeconds: Float": "How long it took; null when unknown.",
        "service: String": "Kamal's service; null when unknown.",
        "destination: String": "Kamal's destination (`-d beta`), any word; null without one, or when unknown.",
        "env: Environment": "Environment of the destination, the service or the configuration; null when unknown.",
        "command: String": "Kamal's word: deploy, redeploy, rollback ...; null when unknown.",
      }),
      state: t.expose("state", { type: state, description: "What became of it." }),
      origin: t.expose("origin", { type: origin, description: "The best source that has it." }),
      containers: t.expose("containers", {
        type: [refs.container],
        description: "Core containers of its release, stopped ones that are still there too.",
      }),
    }),
  });
  const deployLog = builder.objectRef<DeployLog>("DeployLog").implement({
    description: "One file that deploys are known from.",
    fields: (t) => ({
      origin: t.expose("origin", { type: origin, description: "Which file." }),
      deploys: t.int({
        description: "How many deploys it has that the token may see.",
        resolve: ({ records }) => records.length,
      }),
      ...exposeAll(t, {
        "skipped: Int!": "Invalid lines, which were skipped.",
        "complete: Boolean!": "False when it has older lines than are read: its last megabyte, 1,000 deploys.",
        "error: Problem": "Why it cannot be read now; null also when there is no such file.",
      }),
    }),
  });
  builder.queryFields((t) => ({
    deploys: t.connection(
      {
        type: refs.deploy,
        nullable: true,
        complexity: toPageCost(50, size),
        description:
          "The deploys that are known, newest first: out of deploy_history.jsonl, deploy_info.json, Kamal's audit log, the containers themselves and images, each once. " +
          "20 unless `first` or `last` says 1 to 100.",
        args: {
          env: toOneEnvArg(t.arg, scalars),
          tag: t.arg.string({ description: "Only deploys of this tag." }),
          from: t.arg({ type: "DateTime", description: "Only those of this time or later, by deployedAt." }),
          to: t.arg({ type: "DateTime", description: "Only those of this time or earlier, by deployedAt." }),
        },
        resolve: async (_root, { env, tag, from: since, to: until, ...page }, { loaders, principal }) => {
          requireEnvironments(principal, env);
          const from = since ? Date.parse(since) : -Infinity;
          const to = until ? Date.parse(until) : Infinity;
          if (from > to) throw new OpsError("invalid_request", "from must not be after to");
          const isWithin = (ms: number) => ms >= from && ms <= to;
          const deploys = await loaders.deploys.all();
          const wanted = deploys
            .filter((deploy) => (!env || deploy.env === env) && (!tag || deploy.tag === tag))
            .filter(({ deployedAt }) => isWithin(Date.parse(deployedAt)));
          return toPage("deploys", wanted, toPlace, page, size);
        },
      },
      { name: "DeployConnection", description: "A page of the deploys." },
      { name: "DeployEdge", description: "A deploy of a page." },
    ),
    deployLogs: t.field({
      type: [deployLog],
      nullable: true,
      description: "The files that deploys are known from, and what is wrong with them.",
      resolve: (_root, _args, { loaders }) => loaders.deploys.logs(),
    }),
  }));
}

const size = { usual: 20, most: 100 };

/** What tells one deploy from all others, as text. */
function toDeployKey({ service, destination, env, tag, deployedAt }: Deploy): string {
  return JSON.stringify([service, destination, env, tag, deployedAt]);
}

function toPlace(deploy: Deploy) {
  return { time: deploy.deployedAt, key: toDeployKey(deploy) };
}

/** DeployInfo, and the query that returns it. */
export function addDeployInfo(builder: Builder, refs: Refs): void {
  const deployField = builder.objectRef<DeployInfo["extra"][number]>("DeployField").implement({
    description: "Another string of deploy_info.json.",
    fields: (t) =>
      exposeAll(t, {
        "key: String!": "Its name in the file.",
        "value: String!": "Its value.",
      }),
  });
  refs.deployInfo.implement({
    description: "What the deploy pipeline last wrote into deploy_info.json.",
    fields: (t) => ({
      ...exposeAll(t, {
        "currentTag: String!": "Tag of the release that was deployed.",
        "previousTag: String!": 'Tag of the release before; "" at the first deploy.',
        "commitSha: String!": "Git commit of the release.",
        "deployedBy: String!": "Who deployed it.",
        "deployedAt: DateTime!": "When it was deployed.",
        "service: String": "Kamal's service, when the file says so.",
        "destination: String": "Kamal's destination; null without one.",
        "env: Environment": "What the destination, the service or the configuration says; null when unknown.",
        "stale: Boolean!": "True when the file cannot be read now and this is the last good one.",
        "error: String": "Why it is stale; null otherwise.",
      }),
      extra: t.expose("extra", { type: [deployField], description: "Other string fields of the file, in its order." }),
      containers: t.field({
        type: [refs.container],
        nullable: true,
        description: "Core containers that run this release.",
        resolve: async (info, _args, { loaders }) => {
          const [all, find] = await Promise.all([loaders.containers.all(false), loaders.containers.infoFor()]);
          return all.filter((container) => find(container) && runsRelease(container, toInfoRecord(info)));
        },
      }),
    }),
  });
  builder.queryField("deployInfo", (t) =>
    t.field({
      type: refs.deployInfo,
      nullable: true,
      description: "The last deploy; null, with deploy_info_missing, when there is no file.",
      resolve: (_root, _args, { loaders }) => loaders.deploy.info(),
    }),
  );
}

/** Drift, and the query drift. */
export function addDrift(builder: Builder, refs: Refs, scalars: Scalars): void {
  const kind = builder.enumType("DriftKind", {
    description: "In what way something is not as the last deploy should have left it.",
    values: toEnumValues<DriftKind>({
      mixed_releases: "Replicas of one role, at one destination of a service, are of several releases.",
      unexpected_release: "Containers are of another release than the last recorded deploy.",
      leftover: "A container is still live on the engine of the one that replaced it.",
      missing_on_engine: "An engine runs the service at its destination, but nothing of its last deploy, though another does.",
      engine_unknown: "An engine does not answer: what it runs is not known, and in no other row.",
    }),
  });
  const driftType = builder.objectRef<Drift>("Drift").implement({
    description: "Something that is not as the last deploy should have left it.",
    fields: (t) => ({
      kind: t.expose("kind", { type: kind, description: "In what way." }),
      ...exposeAll(t, {
        "message: String!": "One line for people.",
        "service: String": "Service of the containers; null for an engine alone.",
        "destination: String": "Kamal's destination of the containers; null without one, and for an engine alone.",
        "env: Environment": "Environment; null when unknown.",
        "role: String": "Null where it is about several roles.",
        "engine: String": "Null where it is about several engines.",
        "expected: String": "Tag that should run; null when that is not known.",
        "found: [String!]!": "Releases that run instead, or side by side.",
        "settling: Boolean!": "Whether a container of the role was made in the last five minutes: a deploy may be under way.",
      }),
      containers: t.expose("containers", { type: [refs.container], description: "Those that it is about." }),
    }),
  });
  builder.queryField("drift", (t) =>
    t.field({
      type: [driftType],
      nullable: true,
      description: "What is not as the last deploy should have left it, of live core containers; empty when nothing differs.",
      args: {
        env: toOneEnvArg(t.arg, scalars),
      },
      resolve: async (_root, { env }, { loaders, principal }) => {
        requireEnvironments(principal, env);
        const drift = await loaders.deploys.drift();
        return drift.filter((one) => !env || one.env === env || one.kind === "engine_unknown");
      },
    }),
  );
}
