import { z } from "zod";
import type { Environment } from "../../lib/environment.ts";
import { sanitiseName } from "../../lib/redact/sanitize.ts";
import { parseIsoTime } from "../../lib/time.ts";
import type { ServiceGroup } from "../../releases/service-group.ts";
import type { DeployInfo } from "../deploy.ts";

/** Environment of a deploy, by its service and destination; null when unknown. */
export type ToEnv = (said: Pick<ServiceGroup, "service" | "destination">) => Environment | null;

export type ParsedDeploy = { readonly info: DeployInfo } | { readonly problem: string };

/** Longest text of a deploy record, in UTF-16 units. */
export const maxLength = 256;

const text = z.string().transform(sanitiseName).pipe(z.string().max(maxLength));

/**
 * The documented fields. Only current_tag must be non-empty: a pipeline outside a git tree has no
 * commit.
 */
const documented = z.object({
  current_tag: text.pipe(z.string().min(1)),
  previous_tag: text.nullish().transform((tag) => tag ?? ""),
  commit_sha: text,
  deployed_by: text,
  deployed_at: text.transform((time, context) => {
    const utc = parseIsoTime(time);
    if (utc === null) context.addIssue("not an ISO 8601 time with a zone");
    return utc ?? z.NEVER;
  }),
});

/**
 * Names of other fields that are passed on. The leading letter excludes `__proto__` and array-like
 * keys.
 */
const extraKey = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;

/**
 * Parses deploy_info.json; a byte order mark is tolerated. A problem names fields, never their
 * values.
 */
export function parseDeployInfo(bytes: Uint8Array, toEnv: ToEnv): ParsedDeploy {
  const json = toJson(bytes);
  if (json === undefined) return { problem: "it is not valid JSON in UTF-8" };
  const fields = documented.safeParse(json);
  if (!fields.success) {
    const problems = fields.error.issues.map(({ path, message }) =>
      path.length > 0 ? `${path.join(".")}: ${message}` : message,
    );
    return { problem: problems.join("; ") };
  }
  const { current_tag, previous_tag, commit_sha, deployed_by, deployed_at } = fields.data;
  const extra = toExtra(json as Record<string, unknown>);
  // Without a destination, Kamal may write an empty one.
  const read = (name: string) => extra.find(({ key }) => key === name)?.value || null;
  const said = { service: read("service"), destination: read("destination") };
  return {
    info: {
      currentTag: current_tag,
      previousTag: previous_tag,
      commitSha: commit_sha,
      deployedBy: deployed_by,
      deployedAt: deployed_at,
      ...said,
      env: toEnv(said),
      extra,
      stale: false,
      error: null,
    },
  };
}

/**
 * Other string fields, in file order. They are optional: a long value is cut (marked with an
 * ellipsis), not refused.
 */
function toExtra(json: Record<string, unknown>): DeployInfo["extra"] {
  return Object.entries(json).flatMap(([key, value]) => {
    if (typeof value !== "string" || Object.hasOwn(documented.shape, key) || !extraKey.test(key)) return [];
    const clean = sanitiseName(value);
    return [{ key, value: clean.length > maxLength ? `${clean.slice(0, maxLength - 1).toWellFormed()}…` : clean }];
  });
}

function toJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
