import { maySee } from "../../auth/principal.ts";
import type { DeployLog } from "../../deploys/deploy.ts";
import { type Drift, findDrift } from "../../deploys/drift.ts";
import { assignGroups } from "../../deploys/groups.ts";
import { fromContainers, fromImages, mergeDeploys, toInfoRecord } from "../../deploys/merge.ts";
import { type Deploy, judgeDeploys } from "../../deploys/state.ts";
import type { DeployVerdict } from "../../deploys/verdict/types.ts";
import { type Steps, takeSteps } from "../../lib/budget/steps.ts";
import { once } from "../../lib/cache.ts";
import type { KnownContainers } from "../containers/loader.ts";
import type { Caller, Sources } from "../sources.ts";
import { maySeeDeploy } from "./info-loader.ts";
import { createVerdicts, type DeploySiblings } from "./verdict-loader.ts";

export interface DeployLoaders {
  /**
   * All known deploys that the caller may see, newest first. Does not reject when a single origin
   * fails.
   */
  all(): Promise<readonly Deploy[]>;
  /** The deploy log files, with the records that the caller may see. */
  logs(): Promise<readonly DeployLog[]>;
  /**
   * Judges a deploy, with windows of at most this many seconds. With `maxAgeMs`, returns a verdict
   * of the usual windows instead if it is not older.
   */
  verdict(deploy: Deploy, seconds: number, maxAgeMs?: number): Promise<DeployVerdict>;
  /**
   * The core containers that the caller may see, including those of retired releases, and the
   * engines.
   */
  fleet(): Promise<KnownContainers>;
  /** Drift among the containers that the caller may see. */
  drift(): Promise<readonly Drift[]>;
}

/** The deploy history from all origins. */
export function createDeployLoaders(sources: Sources, caller: Caller, siblings: DeploySiblings): DeployLoaders {
  const { principal, signal, budget } = caller;
  /**
   * Work on thousands of containers takes a while. Requests take turns, and an owner's first
   * request finishes first. Ends only with the signal: others may share the answer.
   */
  const turn = () => {
    signal.throwIfAborted();
    return budget.pause();
  };
  const inTurns = <T>(steps: Steps<T>) => takeSteps(steps, { turn });
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
  const fleet = once(async (): Promise<KnownContainers> => {
    const [known, retired] = await Promise.all([
      siblings.containers.known(false),
      siblings.containers.listRetiredOfDeploys(),
    ]);
    // For seconds after a start, only some environments are known. Deploys of unknown environments
    // would appear beside the same deploys of known ones.
    const containers = [...known.containers, ...retired].filter(({ isInspected, env }) => isInspected || env !== null);
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
    const now = siblings.nowMs / 1000;
    const { deployMemory: memory, isOwnService } = sources;
    const recorded = await inTurns(assignGroups(written, containers));
    const known = [...recorded, ...(await inTurns(fromContainers(containers)))];
    const shown = images.filter((image) => maySeeDeploy(sources, principal, image));
    const records = [...known, ...(await inTurns(fromImages(shown, known, containers)))];
    const merged = await inTurns(mergeDeploys(records, now));
    return inTurns(judgeDeploys(merged, { containers, silent: engines.silent.length > 0, isOwnService, memory }, now));
  });
  return {
    all,
    logs,
    fleet,
    verdict: createVerdicts(sources, caller, { siblings, all, fleet }),
    drift: once(async () => {
      const [deploys, { containers, engines }] = await Promise.all([all(), fleet()]);
      return inTurns(findDrift(containers, engines.silent, deploys, siblings.nowMs));
    }),
  };
}
