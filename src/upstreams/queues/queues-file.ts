import * as z from "zod";
import { riverConfig } from "./river-config.ts";
import type { QueueSourceConfig } from "./source-kinds.ts";
import { tableConfig } from "./table-config.ts";

const queuesFile = z.strictObject({
  sources: z.array(z.discriminatedUnion("kind", [tableConfig, riverConfig])).max(50),
});

export type QueuesFileResult =
  | { readonly ok: true; readonly sources: readonly QueueSourceConfig[] }
  | { readonly ok: false; readonly issues: readonly string[] };

/** The text of QUEUES_FILE, validated whole: every mistake with its path (`sources[0].waiting: must not be empty`). */
export function parseQueuesFile(text: string): QueuesFileResult {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { ok: false, issues: [`is not JSON: ${(error as Error).message}`] };
  }
  const result = queuesFile.safeParse(json);
  const issues = [...(result.error?.issues.map(toLine) ?? []), ...duplicateNames(json)];
  return result.success && issues.length === 0 ? { ok: true, sources: result.data.sources } : { ok: false, issues };
}

function toLine(issue: z.core.$ZodIssue): string {
  const path = issue.path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  return `${path.replace(/^\./, "") || "the file"}: ${issue.message}`;
}

/** On the raw JSON, so that it is told beside other mistakes. */
function duplicateNames(json: unknown): string[] {
  const sources: unknown = (json as { sources?: unknown } | null)?.sources;
  const names = Array.isArray(sources) ? sources.map((source: { name?: unknown } | null) => source?.name) : [];
  return names.flatMap((name, index) => {
    const first = names.indexOf(name);
    return name === undefined || first === index ? [] : [`sources[${index}].name: is also the name of sources[${first}]`];
  });
}
