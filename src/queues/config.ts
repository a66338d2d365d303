import * as z from "zod";
import { checkPlace, type Places } from "./places.ts";
import { kindConfigs, type QueueSourceConfig } from "./registry.ts";

const queuesFile = z.strictObject({
  /** Whether job systems found in the database are added to `sources`. @default true */
  detect: z.boolean().optional(),
  /** Names of detected sources to leave out. */
  hide: z.array(z.string()).max(100).optional(),
  sources: z
    .array(z.discriminatedUnion("kind", kindConfigs as [(typeof kindConfigs)[number], ...typeof kindConfigs]))
    .max(50),
});

/** The content of QUEUES_FILE. */
export interface QueuesFile {
  readonly detect: boolean;
  readonly hide: readonly string[];
  readonly sources: readonly QueueSourceConfig[];
}

export type QueuesFileResult =
  | ({ readonly ok: true } & QueuesFile)
  | { readonly ok: false; readonly issues: readonly string[] };

const noPlaces: Places = { databaseUrl: null, brokers: { rabbitmq: null, redis: null } };

/**
 * Parses and validates QUEUES_FILE, for these databases and brokers. Reports every mistake with its
 * path (`sources[0].waiting: must not be empty`).
 */
export function parseQueuesFile(text: string, places: Places = noPlaces): QueuesFileResult {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    // The rest of the message quotes the text, which may hold a password.
    const place = /\(line \d+ column \d+\)/.exec((error as Error).message)?.[0];
    return { ok: false, issues: [place === undefined ? "is not JSON" : `is not JSON ${place}`] };
  }
  const result = queuesFile.safeParse(json);
  const issues = [
    ...(result.error?.issues.map(toLine) ?? []),
    ...duplicateNames(json),
    ...lonelyDestinations(json),
    ...misplaced(json, places),
  ];
  if (!result.success || issues.length > 0) return { ok: false, issues };
  const { detect = true, hide = [], sources } = result.data;
  return { ok: true, detect, hide, sources };
}

function toLine(issue: z.core.$ZodIssue): string {
  const path = issue.path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  return `${path.replace(/^\./, "") || "the file"}: ${issue.message}`;
}

/**
 * The entries of the raw JSON, so that mistakes across entries and fields are reported together
 * with the others.
 */
function listEntries(json: unknown): readonly (Readonly<Record<string, unknown>> | null)[] {
  const sources: unknown = (json as { sources?: unknown } | null)?.sources;
  return Array.isArray(sources) ? sources : [];
}

function lonelyDestinations(json: unknown): string[] {
  return listEntries(json).flatMap((source, index) =>
    source?.["destination"] === undefined || source["service"] !== undefined
      ? []
      : [`sources[${index}].destination: needs "service" beside it`],
  );
}

function misplaced(json: unknown, places: Places): string[] {
  return listEntries(json).flatMap((source, index) =>
    checkPlace(source ?? {}, places).map(({ key, problem }) => `sources[${index}].${key}: ${problem}`),
  );
}

function duplicateNames(json: unknown): string[] {
  const names = listEntries(json).map((source) => source?.["name"]);
  return names.flatMap((name, index) => {
    const first = names.indexOf(name);
    return name === undefined || first === index
      ? []
      : [`sources[${index}].name: is also the name of sources[${first}]`];
  });
}
