import { z } from "zod";
import { formatRfc3339 } from "../../../lib/time.ts";
import { createNameEscaper } from "../../../lib/redact/names.ts";
import { redactStart } from "../../../lib/redact/sanitize.ts";
import {
  healthOutputLimit,
  type KnownVariables,
  type PublishedPort,
  type RawContainer,
  type RawHealth,
  toUninspected,
} from "../../container.ts";
import { mostEntries } from "./json.ts";

/*
 * Docker omits empty values or sends null; fields that we do not read are dropped. Anyone who may start a container chooses its labels, variables, image and
 * host name. These are escaped here, before any rule reads them, so that what is shown and what was decided by are the same text.
 */
const textSchema = z
  .string()
  .nullish()
  .transform((value) => value ?? "");
/**
 * Characters that are written out of one text, or of all labels of a container together; and those
 * of one label or variable that are read. Each container is held in memory: with 16,384 of each, a
 * thousand hostile ones ended the gateway.
 */
const [mostEscaped, mostRead] = [1024, 1024];
/** As `createNameEscaper`, for texts that are cut before. */
export function createTextEscaper(): (text: string) => string {
  const escape = createNameEscaper(mostEscaped);
  return (text) => escape(text.length > mostRead ? `${text.slice(0, mostRead).toWellFormed()}…` : text);
}
const toName = (text: string) => createTextEscaper()(text);
const nameSchema = z.string().transform(toName);
const optionalName = textSchema.transform(toName);
/** The fallback for a value that is missing, null or of another form. */
export function orElse<T, Fallback>(schema: z.ZodType<T>, fallback: Fallback) {
  return schema
    .nullish()
    .catch(null)
    .transform((value) => value ?? fallback);
}
/** A list of which the first entries are checked and read: an engine may send a million. */
export function firstOf<T>(schema: z.ZodType<T>, most = mostEntries) {
  return z.preprocess((value) => (Array.isArray(value) ? value.slice(0, most) : value), z.array(schema));
}
/** As `firstOf`, of the last entries. */
function lastOf<T>(schema: z.ZodType<T>, most: number) {
  return z.preprocess((value) => (Array.isArray(value) ? value.slice(-most) : value), z.array(schema));
}
/** Health checks of a container that Docker stores. */
const mostChecks = 5;
/** Names of a container, and of an image; and addresses that one port is published at. */
const [mostNames, mostBindings] = [1000, 100];
/** A small number, as GraphQL's Int; else null. */
export const count = orElse(z.int32(), null);
const labelsSchema = z
  .unknown()
  .nullish()
  .transform((value) => toLabels(value, createTextEscaper()));
const fullIdSchema = z.string().regex(/^[0-9a-f]{64}$/);

const portSchema = z.object({ IP: textSchema, PublicPort: z.number().int().optional(), Type: textSchema });
const binding = z.object({ HostIp: textSchema, HostPort: textSchema });

/** One element of `GET /containers/json`. */
export const listAnswer = z.object({
  Id: fullIdSchema,
  Names: firstOf(z.string(), mostNames).nullish(),
  Image: optionalName,
  Labels: labelsSchema,
  State: nameSchema,
  Status: textSchema,
  /** Unix seconds up to the year 9999. */
  Created: z.number().min(0).max(253_402_300_799),
  Ports: orElse(firstOf(portSchema), []),
  HostConfig: orElse(z.object({ NetworkMode: textSchema }), null),
});

const healthSchema = z.object({
  Status: textSchema,
  FailingStreak: count,
  Log: orElse(lastOf(z.object({ End: textSchema, Output: textSchema }), mostChecks), []),
});

/** `GET /containers/{id}/json`. */
export const inspectAnswer = z.object({
  Id: fullIdSchema,
  Name: z.string(),
  Created: textSchema,
  RestartCount: count,
  State: z.object({
    Status: nameSchema,
    StartedAt: textSchema,
    FinishedAt: orElse(z.string(), null),
    Health: orElse(healthSchema, null),
  }),
  Config: z.object({
    Image: optionalName,
    Hostname: optionalName,
    Labels: labelsSchema,
    /**
     * Only the variables that the rules read: the rest of an environment is secrets, and is dropped
     * here.
     */
    Env: z
      .unknown()
      .nullish()
      .transform((value) => selectKnown(value, createTextEscaper())),
    Tty: z.boolean().nullish(),
    StopTimeout: count,
  }),
  HostConfig: orElse(z.object({ NetworkMode: textSchema }), null),
  NetworkSettings: orElse(
    z.object({ Ports: z.record(z.string(), firstOf(binding, mostBindings).nullish()).nullish() }),
    null,
  ),
});

type ListAnswer = z.infer<typeof listAnswer>;
export type InspectAnswer = z.infer<typeof inspectAnswer>;

/** One element of `GET /images/json`. */
export const imageAnswer = z.object({ Id: z.string(), Created: z.number(), Labels: labelsSchema });

/** `GET /images/{id}/json`. */
export const imageInspectAnswer = z.object({
  RepoTags: firstOf(z.string(), mostNames)
    .transform((names) => names.map(createTextEscaper()))
    .nullish(),
  Created: textSchema,
  Config: orElse(z.object({ Labels: labelsSchema }), null),
  Metadata: orElse(z.object({ LastTagTime: textSchema }), null),
});

export type ImageInspectAnswer = z.infer<typeof imageInspectAnswer>;

/**
 * A list's entry. `recent`: it started or stopped within about a minute, so its inspection may show
 * more than the list.
 */
export interface ListedContainer {
  readonly raw: RawContainer;
  readonly recent: boolean;
}

/** `labels`: those that are kept. @default all */
export function toListedContainer(
  answer: ListAnswer,
  engine: string,
  labels: ReadonlySet<string> | null = null,
): ListedContainer {
  return { raw: fromList(answer, engine, labels), recent: /second|about a minute/i.test(answer.Status) };
}

/** A container as the list shows it. */
function fromList(answer: ListAnswer, engine: string, labels: ReadonlySet<string> | null): RawContainer {
  return toUninspected({
    engine,
    fullId: answer.Id,
    name: chooseName(answer.Names ?? [], answer.Id),
    labels: keepLabels(answer.Labels, labels),
    state: answer.State,
    image: answer.Image,
    createdAt: new Date(answer.Created * 1000).toISOString(),
    ports: escapePorts(
      answer.Ports.map((port) => ({ hostIp: port.IP, hostPort: port.PublicPort ?? 0, protocol: port.Type })),
    ),
    health: fromStatusText(answer.Status),
    hostNetwork: answer.HostConfig?.NetworkMode === "host",
  });
}

/** A container as its inspection shows it. `labels`: those that are kept. @default all */
export function fromInspect(
  answer: InspectAnswer,
  engine: string,
  labels: ReadonlySet<string> | null = null,
): RawContainer {
  const { Config: config, State: state } = answer;
  return {
    engine,
    fullId: answer.Id,
    name: chooseName([answer.Name], answer.Id),
    labels: keepLabels(config.Labels, labels),
    state: state.Status,
    image: config.Image,
    createdAt: answer.Created,
    startedAt: state.StartedAt,
    finishedAt: state.FinishedAt,
    ports: toPublished(answer.NetworkSettings?.Ports ?? {}),
    health: state.Health ? toRawHealth(state.Health) : null,
    hostname: config.Hostname,
    hostNetwork: answer.HostConfig?.NetworkMode === "host",
    restarts: answer.RestartCount,
    variables: toVariables(config.Env),
  };
}

/**
 * All containers are held in memory, and a container may have any number of labels, of any length.
 */
function keepLabels(
  labels: Readonly<Record<string, string>>,
  kept: ReadonlySet<string> | null,
): Readonly<Record<string, string>> {
  return kept ? Object.fromEntries(Object.entries(labels).filter(([name]) => kept.has(name))) : labels;
}

/**
 * The container's own name: a list also has names from links ("/web/db"). Names that no engine
 * allows are dropped.
 */
function chooseName(names: readonly string[], fullId: string): string {
  return names.map(parseName).find((name) => name !== null) ?? fullId.slice(0, 12);
}

/** Null for a name that no engine allows. */
export function parseName(text: string | undefined): string | null {
  return /^\/?([a-zA-Z0-9][a-zA-Z0-9_.-]*)$/.exec(text ?? "")?.[1] ?? null;
}

const unprobed = { failingStreak: 0, failingSince: null, checkedAt: null, output: null };

/** "Up 2 hours (healthy)": the only health in the list before API 1.52. */
function fromStatusText(text: string): RawHealth | null {
  const status = /\((healthy|unhealthy|health: starting)\)$/.exec(text)?.[1];
  return status ? { status: status.replace("health: ", ""), ...unprobed } : null;
}

function toRawHealth(health: NonNullable<InspectAnswer["State"]["Health"]>): RawHealth {
  const last = health.Log.at(-1);
  const failingStreak = health.FailingStreak ?? 0;
  return {
    status: health.Status,
    failingStreak,
    failingSince: findFailingSince(
      health.Log.map(({ End: end }) => end),
      failingStreak,
    ),
    checkedAt: last?.End ?? null,
    output: last ? toHealthOutput(last.Output) : null,
  };
}

/**
 * When the first check of a streak ended. Docker stores the last few: those before them had
 * the same distance.
 */
function findFailingSince(ends: readonly string[], streak: number): string | null {
  const first = ends[Math.max(0, ends.length - streak)];
  const missing = streak - ends.length;
  if (streak === 0 || first === undefined || missing <= 0) return first ?? null;
  const firstMs = Date.parse(first);
  const stepMs = (Date.parse(ends.at(-1) ?? "") - firstMs) / (ends.length - 1);
  return Number.isFinite(stepMs) && stepMs > 0 ? formatRfc3339(firstMs - missing * stepMs) : null;
}

/**
 * The output as the engine stores it. The engine has cut it: Docker at 4096 bytes
 * (daemon/health.go), Podman by default at 500 (libpod/define/healthchecks.go).
 */
function toHealthOutput(text: string): string {
  const bytes = Buffer.byteLength(text);
  return redactStart(text, healthOutputLimit, bytes >= healthOutputLimit || bytes === 500);
}

function toPublished(
  ports: Readonly<Record<string, readonly { HostIp: string; HostPort: string }[] | null | undefined>>,
): PublishedPort[] {
  const published = Object.entries(ports).flatMap(([port, bindings]) =>
    (bindings ?? []).map(({ HostIp, HostPort }) => ({
      hostIp: HostIp,
      hostPort: Number(HostPort) || 0,
      protocol: port.split("/")[1] ?? "tcp",
    })),
  );
  return escapePorts(published.slice(0, mostEntries));
}

/** Together: see `createNameEscaper`. */
function escapePorts(ports: readonly PublishedPort[]): PublishedPort[] {
  const escape = createTextEscaper();
  return ports.map((port) => ({ ...port, hostIp: escape(port.hostIp), protocol: escape(port.protocol) }));
}

/** No labels where one of them is no text. By hand: there may be thousands. */
function toLabels(value: unknown, escape: (text: string) => string): Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  const own = Object.entries(value);
  if (own.some(([, text]) => typeof text !== "string")) return {};
  return Object.fromEntries(own.map(([key, text]) => [key, escape(text as string)]));
}

const known = /^(?:KAMAL_(?:VERSION|HOST|DESTINATION)|GIT_SHA|COMMIT_SHA|SOURCE_COMMIT)=/;

function selectKnown(value: unknown, escape: (text: string) => string): string[] {
  const entries: unknown[] = Array.isArray(value) ? value.slice(0, mostEntries) : [];
  if (!entries.every((entry) => typeof entry === "string")) return [];
  return entries.filter((entry) => known.test(entry)).map(escape);
}

function toVariables(env: readonly string[]): KnownVariables {
  const read = (name: string) => env.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1) || undefined;
  const found = {
    kamalVersion: read("KAMAL_VERSION"),
    kamalHost: read("KAMAL_HOST"),
    kamalDestination: read("KAMAL_DESTINATION"),
    commitSha: read("GIT_SHA") ?? read("COMMIT_SHA") ?? read("SOURCE_COMMIT"),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}
