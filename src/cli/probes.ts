import { probeAudit } from "../audit/file/verify.ts";
import type { Config } from "../config/config.ts";
import type { EngineConfig } from "../config/engines.ts";
import { probeContainers, probeEngine } from "../containers/docker/probe.ts";
import { probeDeployInfo } from "../deploys/files/probe.ts";
import { silentLogger } from "../lib/logger.ts";
import { probePrometheus } from "../prometheus/probe.ts";
import { probeQueueSources } from "../queues/probe.ts";
import { toQueueOptions } from "../sources.ts";

/** One line about one upstream: what was read, or the reason and the remedy. `detail` is null when there are only warnings. */
export interface Probe {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string | null;
  readonly warnings: readonly string[];
}

/** Asks every configured upstream once, all at the same time. Each promise resolves as soon as its upstream has answered. */
export function probeUpstreams(config: Config): readonly Promise<readonly Probe[]>[] {
  const queues = probeQueueSources(toQueueOptions(config, silentLogger), AbortSignal.timeout(10_000));
  return [
    ...config.engines.map((engine) => one(`docker:${engine.name}`, probeDocker(engine, config))),
    queues.then((probes) =>
      probes.map((probe) => ({ ...probe, name: probe.name === "queues" ? probe.name : `queues:${probe.name}` })),
    ),
    one("prometheus", probePrometheus({ url: config.prometheusUrl, thresholds: config.thresholds })),
    one("deploy-info", probeDeployInfo({ path: config.deployInfoPath })),
    ...(config.restart || config.jobs || config.healthExec ? [one("audit", probeAudit(config.auditFile))] : []),
  ];
}

async function probeDocker(
  engine: EngineConfig,
  { env, containers, cgroupRoot }: Config,
): Promise<Omit<Probe, "name" | "warnings"> & Partial<Probe>> {
  const probe = await probeEngine(engine);
  const found = probe.ok ? await probeContainers({ ...engine, env: engine.env ?? env }, containers, cgroupRoot) : null;
  return found ? { ...probe, ...found, detail: `${probe.detail}; ${found.detail}` } : probe;
}

async function one(
  name: string,
  probe: Promise<Omit<Probe, "name" | "warnings"> & Partial<Pick<Probe, "warnings">>>,
): Promise<readonly Probe[]> {
  return [{ name, warnings: [], ...(await probe) }];
}
