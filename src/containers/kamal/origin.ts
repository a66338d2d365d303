import type { ContainerKind, RawContainer } from "../container.ts";
import type { ContainerRules, EngineContext, LabelSelector } from "./rules.ts";

/** How a container was started, by its labels and its name. */
export type ContainerOrigin = "app" | "proxy" | "accessory" | "compose" | "ephemeral" | "plain";

export const composeService = "com.docker.compose.service";
export const composeProject = "com.docker.compose.project";
export const composeOneoff = "com.docker.compose.oneoff";
const coreRoles = new Set(["web", "runner", "worker"]);

type LabelledContainer = Pick<RawContainer, "labels" | "name" | "state">;

/**
 * Classifies a container (kamal lib/kamal/configuration/{role,accessory,proxy}.rb,
 * commands/app/{execution,assets}.rb). The role label makes an app. The service label alone proves
 * nothing: every container inherits it from the app's image.
 */
export function toOrigin({ labels, name, state }: LabelledContainer): ContainerOrigin {
  const service = labels["service"];
  if (service && labels["role"]) return "app";
  if (name === "kamal-proxy" || labels["org.opencontainers.image.title"] === "kamal-proxy") return "proxy";
  if (service && service === name) return "accessory";
  if (labels[composeOneoff]?.toLowerCase() === "true") return "ephemeral";
  if (labels[composeService]) return "compose";
  if (service && /-exec-.+-[0-9a-f]{6}$/.test(name)) return "ephemeral";
  if (service && state === "created" && name.endsWith("-assets")) return "ephemeral";
  return "plain";
}

/**
 * Whether a container belongs to the product.
 *
 * Core: what the configuration selects, Kamal apps of an own service, and web, runner and worker of
 * a compose project of that name. Accessory: Kamal's proxy, unless it serves other products alone;
 * its accessories of an own service (their label is `<service>-<name>`, or a name that is
 * configured as a service); and the rest of that project. Other: everything else.
 */
export function toKind(
  raw: LabelledContainer,
  { services, core }: Pick<ContainerRules, "services" | "core">,
  { isForeign }: Pick<EngineContext, "isForeign"> = { isForeign: false },
): ContainerKind {
  const { labels } = raw;
  if (isSelected(labels, core)) return "core";
  const [service = "", project = ""] = [labels["service"], labels[composeProject]];
  switch (toOrigin(raw)) {
    case "app":
      return isOwnService(service, services) ? "core" : "other";
    case "compose":
      if (!isOwnService(project, services)) return "other";
      return coreRoles.has(labels[composeService] ?? "") ? "core" : "accessory";
    case "accessory":
      return isOwnService(service, services) || services.some((own) => service.startsWith(`${own}-`))
        ? "accessory"
        : "other";
    case "ephemeral":
      return isOwnService(service, services) || isOwnService(project, services) ? "accessory" : "other";
    case "proxy":
      return isForeign ? "other" : "accessory";
    default:
      return "other";
  }
}

/**
 * Whether a service or compose project is a configured one, also with the suffix `-staging` or
 * `-production`.
 */
export function isOwnService(service: string, services: readonly string[]): boolean {
  return services.some((own) => [own, `${own}-staging`, `${own}-production`].includes(service));
}

/**
 * Whether the labels match one of the selectors: all of its keys, with its value where it gives
 * one.
 */
export function isSelected(labels: RawContainer["labels"], selectors: readonly LabelSelector[]): boolean {
  const carries = ([key, value]: [string, string | null]) =>
    Object.hasOwn(labels, key) && (value === null || labels[key] === value);
  return selectors.some((selector) => [...selector].every(carries));
}

/**
 * Kamal renames the old container of a same-version redeploy before it stops it (cli/app/boot.rb).
 */
export function isReplaced(name: string): boolean {
  return /_replaced_[0-9a-f]{16}$/.test(name);
}

/** web, runner, redis ...: the role label, or an accessory's name without its service. */
export function toRole(raw: LabelledContainer, context: Pick<EngineContext, "appServices" | "rules">): string {
  const { labels, name } = raw;
  switch (toOrigin(raw)) {
    case "app":
      return labels["role"] ?? "";
    case "proxy":
      return "proxy";
    case "compose":
      return labels[composeService] ?? "";
    case "accessory":
      return toAccessoryRole(name, toOwners(raw, context));
    default:
      return name;
  }
}

/**
 * Services that an accessory may be named after, longest first. For an own accessory only the
 * configured ones: its neighbours must not change its role.
 */
function toOwners(
  raw: LabelledContainer,
  { appServices, rules }: Pick<EngineContext, "appServices" | "rules">,
): readonly string[] {
  if (toKind(raw, rules) === "other") return appServices;
  const endings = ["", "-staging", "-stage", "-stg", "-production", "-prod", "-prd"];
  return rules.services.flatMap((own) => endings.map((ending) => own + ending)).toSorted((a, b) => b.length - a.length);
}

function toAccessoryRole(name: string, appServices: readonly string[]): string {
  const owner = appServices.find((service) => name.startsWith(`${service}-`));
  if (owner) return name.slice(owner.length + 1);
  return name.replace(/^.*?-(?:staging|production|prod|stg)-(?=.)/, "");
}
