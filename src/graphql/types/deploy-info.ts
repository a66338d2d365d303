import { toInfoRecord } from "../../domain/deploy-merge.ts";
import { runsRelease } from "../../domain/runs-release.ts";
import type { Builder } from "../builder.ts";
import type { Refs } from "../refs.ts";
import type { Scalars } from "./scalars.ts";

/** DeployInfo, and the query that returns it. */
export function addDeployInfo(builder: Builder, refs: Refs, scalars: Scalars): void {
  refs.deployField.implement({
    description: "Another string of deploy_info.json.",
    fields: (t) => ({
      key: t.exposeString("key", { description: "Its name in the file." }),
      value: t.exposeString("value", { description: "Its value." }),
    }),
  });
  refs.deployInfo.implement({
    description: "What the deploy pipeline last wrote into deploy_info.json.",
    fields: (t) => ({
      currentTag: t.exposeString("currentTag", { description: "Tag of the release that was deployed." }),
      previousTag: t.exposeString("previousTag", { description: 'Tag of the release before; "" at the first deploy.' }),
      commitSha: t.exposeString("commitSha", { description: "Git commit of the release." }),
      deployedBy: t.exposeString("deployedBy", { description: "Who deployed it." }),
      deployedAt: t.expose("deployedAt", { type: "DateTime", description: "When it was deployed." }),
      service: t.exposeString("service", { nullable: true, description: "Kamal's service, when the file says so." }),
      destination: t.exposeString("destination", { nullable: true, description: "Kamal's destination; null without one." }),
      env: t.expose("env", {
        type: scalars.environment,
        nullable: true,
        description: "What the destination, the service or the configuration says; null when unknown.",
      }),
      extra: t.expose("extra", { type: [refs.deployField], description: "Other string fields of the file, in its order." }),
      stale: t.exposeBoolean("stale", { description: "True when the file cannot be read now and this is the last good one." }),
      error: t.exposeString("error", { nullable: true, description: "Why it is stale; null otherwise." }),
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
