import { probeAudit } from "../audit/file/verify.ts";
import { endsSoon, isInForce, readTokensFile, type TokenEntry } from "../auth/tokens-file.ts";
import { type Config, parseConfig } from "../config/config.ts";
import type { EngineConfig } from "../config/engines.ts";
import { probeContainers, probeEngine } from "../containers/docker/probe.ts";
import { probeDeployInfo } from "../deploys/files/source.ts";
import { silentLogger } from "../lib/logger.ts";
import { formatRfc3339 } from "../lib/time.ts";
import { probePrometheus } from "../prometheus/source.ts";
import { probeQueueSources } from "../queues/probe.ts";
import { toQueueOptions } from "../sources.ts";
import { type CommandContext, createCommand } from "./command.ts";
import { toConfigurationIssues } from "./configuration-issues.ts";

const usage = `usage: check

  Reads the configuration (WALLET_CORE_OPS_*, see README), asks each upstream once, at most 10 s, and prints one line each: ok, or FAIL with the reason
  and the remedy, or warn.

  Exit codes: 0 everything works, 1 something does not, 2 usage, 78 configuration
`;

/**
 * Reads the configuration and asks each upstream once: one line each, with reason and remedy. Exits 0 when everything works, 1 when something
 * fails, 78 for a bad configuration.
 */
export const checkCommand = createCommand({ usage }, async (context) => {
  const { print, printError } = context;
  const probes = startProbes(context);
  if (!probes) return 78;
  print("ok    configuration");
  printError("asking each upstream, at most 10 s ...");
  let failed = false;
  for (const pending of probes) {
    for (const { name, ok, detail, warnings } of await pending) {
      failed ||= !ok;
      if (detail !== null) print(`${ok ? "ok   " : "FAIL "} ${name}: ${detail}`);
      for (const warning of warnings) print(`warn  ${name}: ${warning}`);
    }
  }
  return failed ? 1 : 0;
});

/** Null for a bad configuration; its mistakes are printed. */
function startProbes(context: CommandContext): readonly Promise<readonly Probe[]>[] | null {
  try {
    const config = parseConfig(context.env, context.readFile);
    const tokens = checkTokens(config.auth, context);
    return [Promise.resolve(tokens ? [tokens] : []), ...probeUpstreams(config)];
  } catch (error) {
    const issues = toConfigurationIssues(error);
    if (!issues) throw error;
    for (const issue of issues) context.print(`FAIL  configuration: ${issue}`);
    return null;
  }
}

/** The valid tokens and their expiry; null without a tokens file. Throws TokensFileError. */
export function checkTokens({ token, tokensFile, jwt }: Config["auth"], { readFile }: CommandContext): Probe | null {
  if (tokensFile === null) return null;
  const now = Date.now();
  const entries = [...readTokensFile(tokensFile, readFile).values()].toSorted((a, b) => a.expiresAt - b.expiresAt);
  const holding = entries.filter((entry) => isInForce(entry, now));
  const ends = holding.map((entry) => `; ${toName(entry)} expires ${formatRfc3339(entry.expiresAt)}`).join("");
  const detail = `${holding.length} of ${entries.length} valid, ${tokensFile}${ends}`;
  const warnings = entries.flatMap((entry) => {
    if (entry.expiresAt <= now) return [`${toName(entry)} expired ${formatRfc3339(entry.expiresAt)}: remove its entry`];
    if (!endsSoon(entry, now)) return [];
    return [
      `${toName(entry)} expires within 7 days, ${formatRfc3339(entry.expiresAt)}: make a new one with \`wallet-core-ops token\``,
    ];
  });
  const probe: Probe = { name: "tokens", ok: true, detail, warnings };
  if (holding.length > 0) return probe;
  if (token !== null || jwt !== null) {
    return { ...probe, warnings: [...warnings, "only WALLET_CORE_OPS_TOKEN or WALLET_CORE_OPS_JWKS_URL let anybody in"] };
  }
  return { ...probe, ok: false, detail: `${detail}: nobody can log in; make an entry with \`wallet-core-ops token\`` };
}

function toName({ principal: { subject, kid } }: TokenEntry): string {
  return `${subject} (${kid})`;
}

/** One line about one upstream: what was read, or the reason and the remedy. `detail` is null when there are only warnings. */
interface Probe {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string | null;
  readonly warnings: readonly string[];
}

/** Asks every configured upstream once, all at the same time. Each promise resolves as soon as its upstream has answered. */
function probeUpstreams(config: Config): readonly Promise<readonly Probe[]>[] {
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
