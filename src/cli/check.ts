import { probeAudit } from "../audit/file/verify.ts";
import { probeSharedAudit } from "../audit/postgres/probe.ts";
import { endsSoon, isInForce, readTokensFile, type TokenEntry } from "../auth/tokens-file.ts";
import { type Config, parseConfig } from "../config/config.ts";
import type { EngineConfig } from "../config/engines.ts";
import { toSecrets } from "../config/secrets.ts";
import { prefix, variables } from "../config/variables.ts";
import { type ContainersProbe, probeContainers, probeEngine } from "../containers/docker/probe.ts";
import { probeDeployInfo } from "../deploys/files/source.ts";
import { silentLogger } from "../lib/logger.ts";
import { protectSecrets } from "../lib/redact/secrets.ts";
import { formatCount, formatDuration } from "../facts/format.ts";
import { formatRfc3339 } from "../lib/time.ts";
import { probePrometheus } from "../prometheus/source.ts";
import { probeQueueSources } from "../queues/probe.ts";
import type { QueueSourcesOptions } from "../queues/source.ts";
import { toQueueOptions } from "../sources.ts";
import { probeLogHistory } from "../victorialogs/source.ts";
import { type CommandContext, createCommand } from "./command.ts";
import { toConfigurationIssues } from "./configuration-issues.ts";

const usage = `usage: check

  Reads the configuration and asks each upstream once, at most 10 s. Prints a line for each part:

    ok    it works
    skip  not configured: the gateway works without it, and this is how to add it
    warn  it works, but look at this
    FAIL  it does not work: the reason and the remedy

  Exit codes: 0 nothing fails, 1 something does, 2 usage, 78 configuration

  Variables, described in docs/configuration.md:

${Object.entries(variables)
  .map(([name, options]) => `    ${prefix}${name}${"secret" in options ? " (or ..._FILE, a path)" : ""}`)
  .join("\n")}
`;

/**
 * Reads the configuration and asks each upstream once: one line each, with reason and remedy. Exits
 * 0 when nothing fails, 1 when something does, 78 for a bad configuration. A part that is not
 * configured is not a failure.
 */
export const checkCommand = createCommand({ usage }, async (context) => {
  const { print, printError } = context;
  const probes = startProbes(context);
  if (!probes) return 78;
  print("ok    configuration");
  printError("asking each upstream, at most 10 s ...");
  let failed = false;
  for (const pending of probes) {
    for (const { name, ok, detail, warnings, isConfigured = true } of await pending) {
      failed ||= !ok;
      if (detail !== null) print(`${!ok ? "FAIL " : isConfigured ? "ok   " : "skip "} ${name}: ${detail}`);
      for (const warning of warnings) print(`warn  ${name}: ${warning}`);
    }
  }
  return failed ? 1 : 0;
});

/** Null for a bad configuration; its mistakes are printed. */
function startProbes(context: CommandContext): readonly Promise<readonly Probe[]>[] | null {
  try {
    const config = parseConfig(context.env, context.readFile);
    protectSecrets(toSecrets(config));
    return [Promise.resolve(checkTokens(config.auth, context)), ...probeUpstreams(config)];
  } catch (error) {
    const issues = toConfigurationIssues(error);
    if (!issues) throw error;
    for (const issue of issues) context.print(`FAIL  configuration: ${issue}`);
    return null;
  }
}

/** `check` warns this long before a token ends; the log of `serve` does so later. */
const warnBeforeDays = 14;

/**
 * How many tokens are valid, then a line or a warning with the dates of each. Throws
 * TokensFileError.
 */
export function checkTokens(
  { token, tokensFile, jwt }: Config["auth"],
  { readFile }: CommandContext,
): readonly Probe[] {
  const plain: Probe = {
    name: "tokens",
    ok: true,
    detail: "WALLET_CORE_OPS_TOKEN has every right and never expires",
    warnings: [],
  };
  const ways = token === null ? [] : [plain];
  if (tokensFile === null) return ways;
  const now = Date.now();
  const entries = [...readTokensFile(tokensFile, readFile).values()].toSorted((a, b) => a.expiresAt - b.expiresAt);
  const { length } = entries.filter((entry) => isInForce(entry, now));
  const detail = `${length} of ${formatCount(entries.length, "token")} valid in ${tokensFile}`;
  const lines = entries.map((entry): Probe => {
    const [state, remedy] = describeToken(entry, now);
    const line = { name: `token ${toName(entry)}`, ok: true };
    return remedy === null
      ? { ...line, detail: state, warnings: [] }
      : { ...line, detail: null, warnings: [`${state}: ${remedy}`] };
  });
  const file: Probe = { name: "tokens", ok: true, detail, warnings: [] };
  if (length > 0) return [...ways, file, ...lines];
  const others = [token === null ? [] : "WALLET_CORE_OPS_TOKEN", jwt === null ? [] : "WALLET_CORE_OPS_JWKS_URL"].flat();
  if (others.length > 0)
    return [...ways, { ...file, warnings: [`only ${others.join(" and ")} let anybody in`] }, ...lines];
  return [
    { ...file, ok: false, detail: `${detail}: nobody can log in; make an entry with \`wallet-core-ops token\`` },
    ...lines,
  ];
}

/**
 * Dates of a token, and what to do; null for nothing. Only an entry with `not_before` says when it
 * was issued.
 */
function describeToken(entry: TokenEntry, now: number): [state: string, remedy: string | null] {
  const { notBefore, expiresAt } = entry;
  const issued = notBefore === 0 ? "" : `${notBefore > now ? "valid from" : "issued"} ${formatRfc3339(notBefore)}, `;
  const end = formatRfc3339(expiresAt);
  if (expiresAt <= now) return [`${issued}expired ${end}`, "remove its entry"];
  const state = `${issued}expires ${end} (in ${formatDuration((expiresAt - now) / 1000)})`;
  return [
    state,
    endsSoon(entry, now, warnBeforeDays) ? "make its holder a new one with `wallet-core-ops token`" : null,
  ];
}

function toName({ principal: { subject, kid } }: TokenEntry): string {
  return `${subject} (${kid})`;
}

/**
 * One line about one upstream: what was read, or the reason and the remedy. `detail` is null when
 * there are only warnings.
 */
interface Probe {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string | null;
  readonly warnings: readonly string[];
  /** Whether the user has this part. `detail` says how to add it. @default true */
  readonly isConfigured?: boolean;
}

/**
 * Asks every configured upstream once, all at the same time. Each promise resolves as soon as its
 * upstream has answered.
 */
function probeUpstreams(config: Config): readonly Promise<readonly Probe[]>[] {
  const options = toQueueOptions(config, silentLogger);
  const queues = probeQueueSources(options, AbortSignal.timeout(10_000));
  const engines = config.engines.map((engine) => probeDocker(engine, config));
  const { given } = config;
  return [
    ...engines.map(async (engine) => [(await engine).probe]),
    findOwner(engines, config.containers.services),
    findUnknownOwners(engines, options.sources ?? [], config.containers.services),
    queues.then((probes) =>
      probes.map((probe) => ({ ...probe, name: probe.name === "queues" ? probe.name : `queues:${probe.name}` })),
    ),
    one(
      "prometheus",
      probePrometheus({ url: config.prometheusUrl, thresholds: config.thresholds, isGiven: given.prometheusUrl }),
    ),
    config.logHistoryUrl === null
      ? Promise.resolve([])
      : one("log-history", probeLogHistory({ url: config.logHistoryUrl, rules: config.containers })),
    one("deploy-info", probeDeployInfo({ path: config.deployInfoPath, isGiven: given.deployInfoPath })),
    one("audit", probeRecord(config)),
  ];
}

async function probeRecord({
  restart,
  jobs,
  healthExec,
  stateUrl,
  auditFile,
}: Config): Promise<Omit<Probe, "name" | "warnings">> {
  if (stateUrl !== null) return probeSharedAudit(stateUrl);
  return restart || jobs || healthExec ? probeAudit(auditFile) : noActions;
}

const noActions = {
  ok: true,
  isConfigured: false,
  detail:
    "not configured: nothing is restarted or changed, so nothing is recorded; WALLET_CORE_OPS_RESTART=on, WALLET_CORE_OPS_JOBS=on or WALLET_CORE_OPS_HEALTH_EXEC=on allows it",
};

/** An engine's line, and its containers; null where they were not read. */
interface DockerProbe {
  readonly probe: Probe;
  readonly found: ContainersProbe | null;
}

async function probeDocker(engine: EngineConfig, { env, containers, cgroupRoot }: Config): Promise<DockerProbe> {
  const { ok, detail, version, warnings } = await probeEngine(engine);
  const found = ok ? await probeContainers({ ...engine, env: engine.env ?? env }, containers, cgroupRoot) : null;
  const line = found ? `API ${version}; ${found.detail}` : detail;
  const all = [...warnings, ...(found?.warnings ?? [])];
  return { probe: { name: `docker:${engine.name}`, ok, detail: line, warnings: all }, found };
}

/**
 * A warning where all engines answer and none runs an app of the product: then its name is probably
 * another one.
 */
async function findOwner(
  engines: readonly Promise<DockerProbe>[],
  services: readonly string[],
): Promise<readonly Probe[]> {
  const found = (await Promise.all(engines)).map((engine) => engine.found);
  const known = found.filter((probe) => probe !== null);
  if (known.length < found.length || known.some(({ core }) => core > 0) || known.every(({ count }) => count === 0))
    return [];
  const others = [...new Set(known.flatMap((probe) => probe.services))].toSorted();
  const nothing = `no core container of ${services.join(" or ")} runs here, so lists are empty`;
  return [{ name: "containers", ok: true, detail: null, warnings: [`${nothing}: ${toRemedy(others, known)}`] }];
}

/**
 * A warning for each source whose configured service runs on no engine: no deploy is judged by its
 * queues.
 */
async function findUnknownOwners(
  engines: readonly Promise<DockerProbe>[],
  sources: NonNullable<QueueSourcesOptions["sources"]>,
  services: readonly string[],
): Promise<readonly Probe[]> {
  const found = (await Promise.all(engines)).map((engine) => engine.found);
  if (found.includes(null)) return [];
  const known = new Set([...services, ...found.flatMap((probe) => probe?.services ?? [])]);
  return sources.flatMap(({ name, service }): Probe | [] => {
    if (service === undefined || known.has(service)) return [];
    const near = [...known].toSorted().join(", ");
    const warning = `its service ${service} runs on no engine, so no deploy is judged by its queues; known are ${near}`;
    return { name: `queues:${name}`, ok: true, detail: null, warnings: [warning] };
  });
}

function toRemedy([first, ...others]: readonly string[], known: readonly ContainersProbe[]): string {
  if (first !== undefined && others.length === 0)
    return `if ${first} is your product, set WALLET_CORE_OPS_SERVICE=${first}`;
  if (first !== undefined)
    return `set WALLET_CORE_OPS_SERVICE to those of your product, separated by commas: ${[first, ...others].join(", ")}`;
  const hasOwn = known.some(({ accessories }) => accessories > 0);
  return `${hasOwn ? "its other containers count as accessories" : "no container has a Kamal service or a Compose project"}; choose yours by a label with WALLET_CORE_OPS_CORE, see docs/containers.md`;
}

async function one(
  name: string,
  probe: Promise<Omit<Probe, "name" | "warnings"> & Partial<Pick<Probe, "warnings">>>,
): Promise<readonly Probe[]> {
  return [{ name, warnings: [], ...(await probe) }];
}
