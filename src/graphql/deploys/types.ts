import { requireEnvironments } from "../../auth/principal.ts";
import type { DeployInfo, DeployLog, DeployOrigin } from "../../deploys/deploy.ts";
import type { Drift, DriftKind } from "../../deploys/drift.ts";
import { runsRelease } from "../../deploys/groups.ts";
import { toInfoRecord } from "../../deploys/merge.ts";
import { type Deploy, type DeployState, toDeployKey } from "../../deploys/state.ts";
import { deployMeanings, deployNumbers, deployOrigins, driftWords } from "../../facts/deploy.ts";
import { describeNumber } from "../../facts/number.ts";
import { OpsError } from "../../lib/errors.ts";
import { toDestinationArg, toOneEnvArg, toPage, toPageCost } from "../args.ts";
import { type Builder, exposeAll } from "../builder.ts";
import { isAtDestination } from "../containers/loader.ts";
import type { Refs } from "../refs.ts";
import { type Scalars, toEnumValues } from "../scalars.ts";

/** Deploy and DeployLog, and the queries deploys and deployLogs. */
export function addDeploys(builder: Builder, refs: Refs, scalars: Scalars): void {
  const state = builder.enumType("DeployState", {
    description: "State of a deploy at its service's destination.",
    values: toEnumValues<DeployState>({
      current: deployMeanings.CURRENT,
      incomplete: deployMeanings.INCOMPLETE,
      unknown:
        `${deployMeanings.UNKNOWN} The newest deploy, when an engine does not answer, containers do not ` +
        "show their release, or its service is not the product's. Also an older deploy without evidence " +
        "that it ever served. Also a deploy that could belong to several services or destinations.",
      previous:
        `${deployMeanings.PREVIOUS} A good deploy is of another release and was not rolled ` +
        "back. The recorded `previousTag` decides. Without it, the deploy that is known to " +
        "have served decides. Without either, no deploy is PREVIOUS.",
      rolled_back: deployMeanings.ROLLED_BACK,
      superseded: `${deployMeanings.SUPERSEDED} None of the other states applies.`,
      failed:
        `${deployMeanings.FAILED} Kamal's audit log or its containers say so. Other deploys are ` +
        "judged as if it did not exist. Without evidence the state is UNKNOWN.",
    }),
  });
  const origin = builder.enumType("DeployOrigin", {
    description: "What records a deploy. Best source first: HISTORY, INFO, KAMAL_AUDIT, CONTAINERS, IMAGES.",
    values: toEnumValues<DeployOrigin>({
      history: `${deployOrigins.HISTORY}, which the hook in deploy/kamal appends to.`,
      info: `${deployOrigins.INFO}, which holds the last deploy.`,
      kamal_audit: `${deployOrigins.KAMAL_AUDIT}: what was booted, and by whom.`,
      containers: "When the containers of a release were created, including stopped ones that Kamal keeps.",
      images:
        "For a release without containers: when its image was last tagged on " +
        "an engine, as Kamal does, else when it was built.",
    }),
  });
  builder.node(refs.deploy, {
    description: "One deploy of the service.",
    id: {
      description:
        "Its global id, for `node`. It changes when better evidence shows another time or place of the deploy.",
      resolve: toDeployKey,
    },
    loadOne: async (key, { loaders }) =>
      (await loaders.deploys.all()).find((deploy) => toDeployKey(deploy) === key) ?? null,
    fields: (t) => ({
      ...exposeAll(t, {
        "tag: String!": "Tag of the release.",
        "version: String!": "Kamal's version, which its containers carry; usually the tag.",
        "previousTag: String":
          "Tag of the previous deploy of the same service and destination. Taken from the record, else " +
          "from the newest earlier deploy of another tag that is known to have served. Null when there is " +
          "none.",
        "commitSha: String!": 'Git commit of the release; "" when unknown.',
        "deployedBy: String": "Who deployed it; null when unknown.",
        "deployedAt: DateTime!":
          "When it ended. If only its containers or image are known (see `origin`), when the last of them was created.",
        "durationSeconds: Float": describeNumber(deployNumbers.durationSeconds),
        "service: String": "Kamal's service; null when unknown.",
        "destination: String": "Kamal's destination (`-d beta`), any word; null without one, or when unknown.",
        "env: Environment": "Environment of the destination, the service or the configuration; null when unknown.",
        "command: String": "Kamal's command: deploy, redeploy, rollback ...; null when unknown.",
      }),
      state: t.expose("state", { type: state, description: "Its outcome." }),
      origin: t.expose("origin", { type: origin, description: "The best source that records it." }),
      containers: t.expose("containers", {
        type: [refs.container],
        description: "Core containers of its release, including stopped ones that still exist.",
      }),
    }),
  });
  const deployLog = builder.objectRef<DeployLog>("DeployLog").implement({
    description:
      "One file that deploys are read from. With several gateways, also " +
      "what the others read from theirs, for each origin.",
    fields: (t) => ({
      origin: t.expose("origin", { type: origin, description: "Which file." }),
      deploys: t.int({
        description: "Number of deploys in the file that the token may see.",
        resolve: ({ records }) => records.length,
      }),
      ...exposeAll(t, {
        "skipped: Int!": "Number of invalid lines, which were skipped.",
        "complete: Boolean!": "False when the file has older lines. Only its last megabyte and 1,000 deploys are read.",
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
          "Known deploys, newest first, each once. Sources: deploy_history.jsonl, deploy_info.json, " +
          "Kamal's audit log, the containers and the images. Returns 20, or 1 to 100 by `first` or `last`.",
        args: {
          env: toOneEnvArg(t.arg, scalars),
          destination: toDestinationArg(t.arg),
          tag: t.arg.string({ description: "Only deploys of this tag." }),
          from: t.arg({ type: "DateTime", description: "Only deploys at or after this time, by deployedAt." }),
          to: t.arg({ type: "DateTime", description: "Only deploys at or before this time, by deployedAt." }),
        },
        resolve: async (_root, { env, destination, tag, from: since, to: until, ...page }, { loaders, principal }) => {
          requireEnvironments(principal, env);
          const from = since ? Date.parse(since) : -Infinity;
          const to = until ? Date.parse(until) : Infinity;
          if (from > to) throw new OpsError("invalid_request", "from must not be after to");
          const isWithin = (ms: number) => ms >= from && ms <= to;
          const deploys = await loaders.deploys.all();
          const wanted = deploys
            .filter(
              (deploy) =>
                (!env || deploy.env === env) && isAtDestination(deploy, destination) && (!tag || deploy.tag === tag),
            )
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
      description: "The files that deploys are read from, and their problems.",
      resolve: (_root, _args, { loaders }) => loaders.deploys.logs(),
    }),
  }));
}

const size = { usual: 20, most: 100 };

function toPlace(deploy: Deploy) {
  return { time: deploy.deployedAt, key: toDeployKey(deploy) };
}

/** DeployInfo, and the query that returns it. */
export function addDeployInfo(builder: Builder, refs: Refs): void {
  const deployField = builder.objectRef<DeployInfo["extra"][number]>("DeployField").implement({
    description: "A further string field of deploy_info.json.",
    fields: (t) =>
      exposeAll(t, {
        "key: String!": "Its name in the file.",
        "value: String!": "Its value.",
      }),
  });
  refs.deployInfo.implement({
    description: "The last deploy that the pipeline wrote into deploy_info.json.",
    fields: (t) => ({
      ...exposeAll(t, {
        "currentTag: String!": "Tag of the release that was deployed.",
        "previousTag: String!": 'Tag of the release before; "" at the first deploy.',
        "commitSha: String!": "Git commit of the release.",
        "deployedBy: String!": "Who deployed it.",
        "deployedAt: DateTime!": "When it was deployed.",
        "service: String": "Kamal's service; null when the file does not name it.",
        "destination: String": "Kamal's destination; null without one.",
        "env: Environment": "Environment of the destination, the service or the configuration; null when unknown.",
        "stale: Boolean!": "True when the file cannot be read now, or is invalid: this is its last good version.",
        "error: String": "Why it is stale; null otherwise.",
      }),
      extra: t.expose("extra", {
        type: [deployField],
        description: "Further string fields of the file, in file order.",
      }),
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
    description: "Kind of a difference from the last deploy.",
    values: toEnumValues<DriftKind>({
      mixed_releases: driftWords.MIXED_RELEASES.about,
      unexpected_release: driftWords.UNEXPECTED_RELEASE.about,
      leftover: `${driftWords.LEFTOVER.about} Not reported when it is unclear which of the two replaced the other.`,
      missing_on_engine: driftWords.MISSING_ON_ENGINE.about,
      engine_unknown: driftWords.ENGINE_UNKNOWN.about,
    }),
  });
  const driftType = builder.objectRef<Drift>("Drift").implement({
    description: "A difference from the state that the last deploy should have produced.",
    fields: (t) => ({
      kind: t.expose("kind", { type: kind, description: "Kind of the difference." }),
      ...exposeAll(t, {
        "message: String!": "One line of text for people.",
        "service: String": "Service of the containers; null for an engine alone.",
        "destination: String": "Kamal's destination of the containers; null without one, and for an engine alone.",
        "env: Environment": "Environment; null when unknown.",
        "role: String": "The role; null when it concerns several.",
        "engine: String": "Configured name of the engine; null when it concerns several.",
        "expected: String": "Tag that should run; null when unknown.",
        "found: [String!]!": "Releases that run instead, or side by side.",
        "settling: Boolean!":
          "Whether a container of the role was created or started in the last five minutes: a deploy may be under way.",
      }),
      containers: t.expose("containers", { type: [refs.container], description: "The containers that differ." }),
    }),
  });
  builder.queryField("drift", (t) =>
    t.field({
      type: [driftType],
      nullable: true,
      description:
        "Live core containers that differ from the state that the last deploy " +
        "should have produced; empty when nothing differs.",
      args: {
        env: toOneEnvArg(t.arg, scalars),
        destination: toDestinationArg(t.arg),
      },
      resolve: async (_root, { env, destination }, { loaders, principal }) => {
        requireEnvironments(principal, env);
        const drift = await loaders.deploys.drift();
        return drift.filter(
          (one) => one.kind === "engine_unknown" || ((!env || one.env === env) && isAtDestination(one, destination)),
        );
      },
    }),
  );
}
