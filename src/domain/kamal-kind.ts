import type { ContainerKind } from "./container.ts";
import type { ContainerFacts, EngineContext } from "./container-facts.ts";

/** How a container was started, as far as its labels and its name tell. */
export type Origin = "app" | "proxy" | "accessory" | "compose" | "ephemeral" | "plain";

export const composeService = "com.docker.compose.service";
export const composeProject = "com.docker.compose.project";
const composeOneoff = "com.docker.compose.oneoff";
const coreRoles = new Set(["web", "runner", "worker"]);

type Labelled = Pick<ContainerFacts, "labels" | "name" | "state">;

/**
 * Tells Kamal's containers apart (kamal lib/kamal/configuration/{role,accessory,proxy}.rb, commands/app/{execution,assets}.rb).
 * The role label makes an app: the service label alone proves nothing, every container inherits it from the app's image.
 */
export function toOrigin({ labels, name, state }: Labelled): Origin {
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

/** Core: an app of the configured service, also with `-staging` or `-production` behind it, or a compose web/runner/worker. */
export function toKind(facts: Labelled, service: string): ContainerKind {
  const origin = toOrigin(facts);
  const own = [service, `${service}-staging`, `${service}-production`];
  if (origin === "app") return own.includes(facts.labels["service"] ?? "") ? "core" : "accessory";
  if (origin === "compose") return coreRoles.has(facts.labels[composeService] ?? "") ? "core" : "accessory";
  return "accessory";
}

/** Kamal renames the old container of a same-version redeploy before it stops it (cli/app/boot.rb). */
export function isReplaced(name: string): boolean {
  return /_replaced_[0-9a-f]{16}$/.test(name);
}

/** web, runner, redis ...: the role label, or the name of an accessory without the service that it belongs to. */
export function toRole(facts: Labelled, context: Pick<EngineContext, "appServices">): string {
  const { labels, name } = facts;
  switch (toOrigin(facts)) {
    case "app":
      return labels["role"] ?? "";
    case "proxy":
      return "proxy";
    case "compose":
      return labels[composeService] ?? "";
    case "accessory":
      return toAccessoryRole(name, context.appServices);
    default:
      return name;
  }
}

function toAccessoryRole(name: string, appServices: readonly string[]): string {
  const owner = appServices.find((service) => name.startsWith(`${service}-`));
  if (owner) return name.slice(owner.length + 1);
  return name.replace(/^.*?-(?:staging|production|prod|stg)-(?=.)/, "");
}
