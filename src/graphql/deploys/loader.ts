import { maySee } from "../../auth/principal.ts";
import type { Container } from "../../containers/container.ts";
import type { DeployLog } from "../../deploys/deploy.ts";
import { type Drift, findDrift } from "../../deploys/drift.ts";
import { assignGroups } from "../../deploys/groups.ts";
import { fromContainers, fromImages, mergeDeploys, toInfoRecord } from "../../deploys/merge.ts";
import { type Deploy, judgeDeploys } from "../../deploys/state.ts";
import type { DeployVerdict } from "../../deploys/verdict/types.ts";
import { once } from "../../lib/cache.ts";
import type { Caller, Sources } from "../sources.ts";
import { maySeeDeploy } from "./info-loader.ts";
import { createVerdicts, type DeploySiblings } from "./verdict-loader.ts";

export interface DeployLoaders {
  /** All known deploys that the caller may see, newest first. Does not reject when a single origin fails. */
  all(): Promise<readonly Deploy[]>;
  /** The deploy log files, with the records that the caller may see. */
  logs(): Promise<readonly DeployLog[]>;
  /** Judges a deploy, by windows of at most this many seconds. */
  verdict(deploy: Deploy, seconds: number): Promise<DeployVerdict>;
  /** Drift among the containers that the caller may see. */
  drift(): Promise<readonly Drift[]>;
}

/** The deploy history from all its origins. */
export function createDeployLoaders(sources: Sources, caller: Caller, siblings: DeploySiblings): DeployLoaders {
  const { principal, signal } = caller;
  const logs = once(async () => {
    const read = await sources.deploy.history(signal);
    // Invalid lines do not show their environment.
    const isOurs = maySee(principal, sources.env);
    return read.map((log) => ({
      ...log,
      records: log.records.filter((record) => maySeeDeploy(sources, principal, record)),
      skipped: isOurs ? log.skipped : 0,
    }));
  });
  const fleet = once(async () => {
    const [known, retired] = await Promise.all([siblings.containers.known(false), siblings.containers.listRetiredOfDeploys()]);
    const containers: readonly Container[] = [...known.containers, ...retired];
    return { containers, engines: known.engines };
  });
  const all = once(async () => {
    const [read, info, { containers, engines }, images] = await Promise.all([
      logs(),
      siblings.deploy.known(),
      fleet(),
      sources.containers.images(signal),
    ]);
    const written = [...read.flatMap(({ records }) => records), ...(info ? [toInfoRecord(info)] : [])];
    const known = [...assignGroups(written, containers), ...fromContainers(containers)];
    const shown = images.filter((image) => maySeeDeploy(sources, principal, image));
    const records = [...known, ...fromImages(shown, known, containers)];
    const now = siblings.nowMs / 1000;
    const { deployMemory: memory } = sources;
    return judgeDeploys(mergeDeploys(records, now), { containers, silent: engines.silent.length > 0, memory }, now);
  });
  return {
    all,
    logs,
    verdict: createVerdicts(sources, caller, { siblings, all, fleet }),
    drift: once(async () => {
      const [deploys, { containers, engines }] = await Promise.all([all(), fleet()]);
      return findDrift(containers, engines.silent, deploys, siblings.nowMs);
    }),
  };
}
