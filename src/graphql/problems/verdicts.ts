import type { Deploy } from "../../deploys/state.ts";
import type { DeployVerdict } from "../../deploys/verdict/types.ts";
import { usualWindowSeconds } from "../../deploys/verdict/windows.ts";
import { createKeyedCache } from "../../lib/cache.ts";
import { environments } from "../../lib/environment.ts";
import { toGroup } from "../../releases/service-group.ts";
import { createContainerLoaders } from "../containers/loader.ts";
import { createDeployLoader } from "../deploys/info-loader.ts";
import { createDeployLoaders } from "../deploys/loader.ts";
import { createQueueLoaders } from "../queues/loader.ts";
import type { Caller, Sources } from "../sources.ts";

/** How long a verdict is answered from memory, milliseconds: it queries every queue source twice, and its windows are half an hour. */
const ttlMs = 30_000;

interface Question {
  readonly sources: Sources;
  readonly caller: Caller;
  readonly deploy: Deploy;
}

const caches = new WeakMap<Sources, (question: Question, signal: AbortSignal) => Promise<DeployVerdict | null>>();

/** The verdict on a deploy that the caller may see, at most half a minute old: callers who may see the same share it. Null when the deploy is gone. */
export function findVerdict(sources: Sources, caller: Caller, deploy: Deploy): Promise<DeployVerdict | null> {
  const ask = caches.get(sources) ?? createKeyedCache(toKey, judge, () => ttlMs);
  caches.set(sources, ask);
  return ask({ sources, caller, deploy }, caller.signal);
}

/** A verdict depends on what its caller may see, which the environments decide alone. */
function toKey({ caller, deploy }: Question): string {
  const seen = environments.filter((environment) => caller.principal.environments.has(environment));
  return JSON.stringify([seen, toDeployKey(deploy)]);
}

function toDeployKey(deploy: Deploy): string {
  return JSON.stringify([toGroup(deploy), deploy.ambiguous, deploy.tag, deploy.deployedAt]);
}

/** With loaders of its own: the request that asked first may end before the others. */
async function judge({ sources, caller, deploy }: Question, signal: AbortSignal): Promise<DeployVerdict | null> {
  const { principal, requestId, budget } = caller;
  const shared: Caller = { principal, requestId, budget, signal, origin: () => caller.origin() };
  const info = createDeployLoader(sources, shared);
  const containers = createContainerLoaders(sources, shared, { deploy: info });
  const queues = createQueueLoaders(sources, shared, { containers });
  const nowMs = Math.floor(Date.now() / 1000) * 1000;
  const deploys = createDeployLoaders(sources, shared, { containers, deploy: info, queues, nowMs });
  const own = (await deploys.all()).find((one) => toDeployKey(one) === toDeployKey(deploy));
  return own ? deploys.verdict(own, usualWindowSeconds) : null;
}
