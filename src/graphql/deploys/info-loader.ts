import { maySee, maySeeContainer, type Principal } from "../../auth/principal.ts";
import type { DeployInfo } from "../../deploys/deploy.ts";
import { once } from "../../lib/cache.ts";
import { OpsError } from "../../lib/errors.ts";
import type { ServiceGroup } from "../../releases/service-group.ts";
import type { Caller, Sources } from "../sources.ts";

export interface DeployLoader {
  /**
   * Rejects if the source does. A token that may not see the info gets deploy_info_missing, even
   * when the file is unreadable.
   */
  info(): Promise<DeployInfo>;
  /** Null where `info` rejects: containers are then shown without it. */
  known(): Promise<DeployInfo | null>;
}

/**
 * Whether the caller may see a deploy: the product's services follow the rule for core containers,
 * others the rule for other containers.
 */
export function maySeeDeploy(
  { isOwnService }: Sources,
  principal: Principal,
  { service, env }: Pick<ServiceGroup, "service" | "env">,
): boolean {
  const kind = service === null || isOwnService(service) ? "core" : "other";
  return maySeeContainer(principal, { env, kind });
}

/** Reads deploy_info at most once. */
export function createDeployLoader(sources: Sources, { principal, signal }: Caller): DeployLoader {
  const info = once(async () => {
    const read = await sources.deploy.read(signal).catch((error: unknown) => {
      if (maySee(principal, sources.env)) throw error;
      return null;
    });
    if (!read || !maySeeDeploy(sources, principal, read)) {
      throw new OpsError("deploy_info_missing", "deploy_info.json not found on host");
    }
    return read;
  });
  return { info, known: once(() => info().catch(() => null)) };
}
