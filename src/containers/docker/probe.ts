import { withDeadline } from "../../lib/abort.ts";
import { toClockSkew, warnOfSkew } from "../../lib/clock-skew.ts";
import { toEnvironment } from "../../lib/environment.ts";
import { silentLogger } from "../../lib/logger.ts";
import { formatCount } from "../../facts/format.ts";
import { formatFirst } from "../../lib/text.ts";
import { quoteReply } from "../../lib/upstream-reply.ts";
import type { Container, RawContainer } from "../container.ts";
import { listReadLabels } from "../kamal/labels.ts";
import { composeProject, isOwnService, toKind, toOrigin } from "../kamal/origin.ts";
import type { ContainerRules } from "../kamal/rules.ts";
import type { EngineOptions } from "./address.ts";
import { listAnswer, toListedContainer } from "./http/answers.ts";
import { createEngineClient } from "./http/client.ts";
import { StatusError, toDockerError } from "./http/errors.ts";
import { createContainerSource } from "./source.ts";
import { createCgroupReader } from "./stats/cgroup.ts";

/**
 * Result of checking one engine: one line for people, with the reason and the remedy on failure.
 */
export interface EngineProbe {
  readonly ok: boolean;
  readonly detail: string;
  /** Docker's API version; absent on failure. */
  readonly version?: string;
  readonly warnings: readonly string[];
}

/**
 * Reads an engine's API version and containers, within `timeoutMs`. Never rejects. For `cli check`.
 */
export async function probeEngine(engine: EngineOptions, timeoutMs = 5000): Promise<EngineProbe> {
  const client = createEngineClient(engine.address);
  try {
    return await withDeadline(timeoutMs, async (signal) => {
      const version = await client.negotiate(signal);
      const containers = await client.listContainers(signal);
      const count = Array.isArray(containers) ? containers.length : 0;
      const clock = client.clock();
      const warnings = clock ? warnOfSkew(toClockSkew(clock)) : [];
      return { ok: true, version, detail: `API ${version}, ${formatCount(count, "container")}`, warnings };
    });
  } catch (error) {
    const { message } = toDockerError(error, engine.name);
    return { ok: false, detail: `${message}${quote(error)} (WALLET_CORE_OPS_DOCKER_HOSTS)`, warnings: [] };
  } finally {
    client.close();
  }
}

/** What an engine, or a proxy before it, said itself, for the person who configures the gateway. */
function quote(error: unknown): string {
  const said = error instanceof StatusError ? quoteReply(error.reply()) : null;
  return said === null ? "" : `: ${said}`;
}

/** Whose an engine's containers are. */
export interface ContainersProbe {
  /** One line for people. */
  readonly detail: string;
  readonly warnings: readonly string[];
  /** How many containers are shown, and how many of these are core or accessories. */
  readonly count: number;
  readonly core: number;
  readonly accessories: number;
  /** Kamal services and compose projects on the engine that are not the product's, sorted. */
  readonly services: readonly string[];
}

/**
 * Counts an engine's containers by whose they are and by environment, as `containers` shows them.
 * Warns of product containers that tokens of one environment cannot see, with the remedy. Says
 * where statistics come from. Null when reading the containers fails. For `cli check`.
 */
export async function probeContainers(
  engine: EngineOptions,
  rules: ContainerRules,
  cgroupRoot?: string,
): Promise<ContainersProbe | null> {
  const source = createContainerSource({ engines: [engine], rules, logger: silentLogger });
  const client = createEngineClient(engine.address, null, undefined, listReadLabels(rules));
  const signal = AbortSignal.timeout(5000);
  try {
    const listed = await listRaw(engine, client, signal);
    const { containers } = await source.list(signal);
    const services = findOtherServices(listed, rules);
    const of = (kind: Container["kind"]) => containers.filter((container) => container.kind === kind).length;
    const counts = { count: containers.length, core: of("core"), accessories: of("accessory") };
    const hidden = Math.max(0, listed.length - containers.length);
    const parts = [
      describeOwner(counts, rules),
      services.length === 0
        ? []
        : `${counts.count === of("other") ? "" : "other "}services here: ${formatFirst(services, mostNamed)}`,
      describeEnvironments(containers),
      hidden === 0 ? [] : `${hidden} more ${hidden === 1 ? "is" : "are"} not shown (stopped, or one-off)`,
      describeStats(containers, cgroupRoot),
    ];
    return { ...counts, services, detail: parts.flat().join("; "), warnings: findUnknown(containers, engine, rules) };
  } catch {
    return null;
  } finally {
    client.close();
    await source.close();
  }
}

async function listRaw(
  { name }: EngineOptions,
  client: Pick<ReturnType<typeof createEngineClient>, "listContainers">,
  signal: AbortSignal,
): Promise<readonly RawContainer[]> {
  const answer = await client.listContainers(signal);
  return (Array.isArray(answer) ? answer : []).flatMap((item) => {
    const parsed = listAnswer.safeParse(item);
    return parsed.success ? [toListedContainer(parsed.data, name).raw] : [];
  });
}

/**
 * Only names that WALLET_CORE_OPS_SERVICE accepts: a label may hold anything. An accessory of
 * another service is not a service of its own.
 */
function findOtherServices(listed: readonly RawContainer[], rules: ContainerRules): readonly string[] {
  const others = listed.filter((raw) => toKind(raw, rules) === "other");
  const find = (origin: string, label: string) =>
    others.flatMap((raw) => (toOrigin(raw) === origin ? [raw.labels[label] ?? ""] : []));
  const deployed = [...find("app", "service"), ...find("compose", composeProject)];
  const lone = find("accessory", "service").filter(
    (name) => !deployed.some((service) => name.startsWith(`${service}-`)),
  );
  const names = [...deployed, ...lone].filter(
    (name) => /^[A-Za-z0-9][\w.-]*$/.test(name) && !isOwnService(name, rules.services),
  );
  return [...new Set(names)].toSorted();
}

/**
 * `0 of 8 containers belong to wallet-core`, `6 of 8 containers belong to wallet-core (4 core, 2
 * accessories)`
 */
function describeOwner(
  { count, core, accessories }: Pick<ContainersProbe, "count" | "core" | "accessories">,
  { services }: ContainerRules,
): string {
  if (count === 0) return "no container is shown";
  const kinds = [
    core === 0 ? [] : `${core} core`,
    accessories === 0 ? [] : formatCount(accessories, "accessory", "accessories"),
  ].flat();
  const own = kinds.length === 0 ? "" : ` (${kinds.join(", ")})`;
  const verb = core + accessories === 1 ? "belongs" : "belong";
  return `${core + accessories} of ${formatCount(count, "container")} ${verb} to ${services.join(" or ")}${own}`;
}

/** `4 of staging, 3 of unknown environment`, always in this order. */
function describeEnvironments(containers: readonly Container[]): string[] {
  const counts = Object.entries(Object.groupBy(containers, ({ env }) => env ?? "unknown")).toSorted(([one], [other]) =>
    one < other ? -1 : 1,
  );
  const texts = counts.map(([env, own]) => `${own.length} of ${env === "unknown" ? "unknown environment" : env}`);
  return texts.length === 0 ? [] : [texts.join(", ")];
}

/** A warning for each reason why product containers have no known environment, with the remedy. */
function findUnknown(
  containers: readonly Container[],
  engine: EngineOptions,
  { destinations }: ContainerRules,
): string[] {
  const unknown = containers.filter(({ kind, env }) => kind !== "other" && env === null);
  const remedies = Map.groupBy(unknown, ({ destination, isInspected }) => {
    if (!isInspected)
      return "they could not be inspected in time, so what names their environment is not known; run this again, and look whether their engine hangs";
    if (destination !== null && /^[\w.-]{1,64}$/.test(destination) && toEnvironment(destination, destinations) === null)
      return `add ${destination}=staging or ${destination}=production to WALLET_CORE_OPS_DESTINATIONS`;
    if (engine.env === null && destination === null)
      return "end the address of their engine in WALLET_CORE_OPS_DOCKER_HOSTS with ?env=staging or ?env=production, or set WALLET_CORE_OPS_ENV";
    return "what names their environment (labels, variables, name, engine) disagrees, see docs/containers.md";
  });
  return [...remedies].map(
    ([remedy, own]) =>
      `of unknown environment, so only tokens of every environment see them: ${formatFirst(
        own.map(({ name }) => name),
        mostNamed,
      )}: ${remedy}`,
  );
}

/** Most services or containers that a line names. */
const mostNamed = 5;

/** Which way statistics of an engine's containers are taken, and why. Looks at a few that run. */
function describeStats(containers: readonly Container[], root?: string): string {
  const reader = createCgroupReader({ root });
  const running = containers.filter(({ status }) => status === "running").slice(0, 10);
  const [sample] = running.flatMap(({ fullId }) => reader.read(fullId) ?? []);
  if (sample) {
    const counters = sample.readCounters();
    const isHidden = counters !== null && counters.network === undefined;
    return `statistics: from ${reader.root}${isHidden ? ", networks from the engine" : ""}`;
  }
  const reason = running[0] ? reader.explain(running[0].fullId) : "no container runs";
  return `statistics: from the engine, because ${reason}`;
}
