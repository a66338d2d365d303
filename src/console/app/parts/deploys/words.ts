import { formatEnum } from "../../../../facts/format.ts";

/** What a state of a deploy means, from the schema, shorter. */
const meanings: Readonly<Record<string, string>> = {
  CURRENT: "The newest deploy, and every live container runs it; or the one that runs instead of the newest",
  FAILED: "It never went live",
  INCOMPLETE: "The newest deploy, but not every live container runs it",
  PREVIOUS: "The target of a rollback: the good one before the deploy that runs",
  ROLLED_BACK: "The next deploy returned to an earlier release",
  SUPERSEDED: "A later deploy replaced it",
  UNKNOWN: "It is not known whether it runs or ever served",
};

export function toDeployMeaning(state: string): string {
  return meanings[state] ?? formatEnum(state);
}

const origins: Readonly<Record<string, string>> = {
  HISTORY: "deploy_history.jsonl",
  INFO: "deploy_info.json",
  KAMAL_AUDIT: "Kamal's audit log",
  CONTAINERS: "the containers",
  IMAGES: "the images",
};

/** What recorded a deploy. */
export function toOriginWords(origin: string): string {
  return origins[origin] ?? formatEnum(origin);
}
