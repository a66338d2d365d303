import * as z from "zod";
import { type Environment, environments } from "../lib/environment.ts";
import type { Logger } from "../lib/logger.ts";
import type { ObserveCall } from "../lib/upstream-call.ts";
import type { JobAction, JobStatements } from "./jobs/control.ts";
import type { Database } from "./postgres/database.ts";
import type { TableName } from "./postgres/names.ts";
import type { HeavyOptions, IndexAdvice } from "./postgres/statements.ts";
import type {
  FailedJobs,
  FoundFailure,
  JobFailures,
  PastFailures,
  PastSearch,
  QueueSource,
  UnsupportedSystem,
} from "./queue.ts";

/** What a source may need. Nothing connects before its first use. */
export interface KindContext {
  readonly database: Database;
  /** Its environment. */
  readonly env: Environment | null;
  /** Addresses of its brokers, with their credentials; null when not configured. */
  readonly brokers: BrokerUrls;
  readonly logger: Logger;
  readonly observe?: ObserveCall | undefined;
  /** Path of its entry in QUEUES_FILE, for messages; absent where it has none. */
  readonly path?: string | undefined;
  /** Absent: the defaults. */
  readonly heavy?: HeavyOptions | undefined;
}

interface BrokerUrls {
  /** RABBITMQ_URL: the management API, http(s)://user:password@host:15672. */
  readonly rabbitmq: string | null;
  /** REDIS_URL: redis(s)://... */
  readonly redis: string | null;
}

/** A source as its kind makes it; `createQueueSources` adds the caches and the fingerprints. */
export interface KindSource extends Omit<QueueSource, "failures" | "pastFailures" | "failedJobs"> {
  failures(signal: AbortSignal): Promise<readonly JobFailures[]>;
  /** May also return failures with other errors whose texts are similar. */
  readonly pastFailures?: (search: PastSearch, signal: AbortSignal) => Promise<PastFailures<FoundFailure>>;
  failedJobs?(queue: string, action: JobAction, signal: AbortSignal): Promise<readonly FailedJobs[] | null>;
  /**
   * Whether its rows hold only part of the past. Samples taken at reads then fill what `history`
   * leaves null.
   */
  readonly isPastPartial?: boolean;
  /**
   * Tables that are read; `cli check` checks the rights on them. Empty for a system outside
   * PostgreSQL.
   */
  readonly tables: readonly TableName[];
  /**
   * What the owner should know even though the read succeeded; call it after `metrics`. Absent
   * where there is never anything.
   */
  warnings?(): readonly string[];
  /** Unsupported job systems in the same place. Never rejects. Absent: there can be none. */
  unsupported?(signal: AbortSignal): Promise<readonly UnsupportedSystem[]>;
  /**
   * 95th percentile of the run times of each queue's newest successful jobs, seconds, however long
   * ago they ended. Omits queues whose rows are gone or take long to find. Rejects as `metrics`.
   * Absent where rows hold no run times.
   */
  usualRuns?(signal: AbortSignal): Promise<ReadonlyMap<string, number>>;
  /**
   * Ids of what it reads. Sources that read the same thing share them, under whatever name or
   * address. Empty if the server does not tell. Rejects if it does not answer. Absent where the
   * kind has no such ids.
   */
  identify?(signal: AbortSignal): Promise<readonly string[]>;
  /** Closes its own connections. */
  close?(): Promise<void>;
}

/**
 * An unsupported version of a job system: a schema that has all of `tables`, and none of `without`.
 */
export interface UnsupportedTables extends Pick<UnsupportedSystem, "name" | "reason"> {
  readonly tables: readonly [string, ...string[]];
  readonly without: readonly [string, ...string[]];
}

/** How a source is detected without an entry in QUEUES_FILE. */
type Detected<Config> =
  | {
      /**
       * A schema with all of these tables has this system. `schema` limits this to the schema of
       * that name.
       */
      readonly tables: readonly [string, ...string[]];
      readonly schema?: string;
      readonly broker?: undefined;
      toConfig(found: { readonly name: string; readonly schema: string }): Config;
    }
  | {
      /** The system is detected once the address of this broker is configured. */
      readonly broker: keyof BrokerUrls;
      readonly tables?: undefined;
      toConfig(found: { readonly name: string }): Config;
    };

/** One job system: how it is configured, detected and read. */
export interface QueueKind<Config extends z.ZodObject = z.ZodObject> {
  readonly kind: string;
  /** Its entry in QUEUES_FILE: `kind`, `name`, and the options of the kind. */
  readonly config: Config;
  /** Absent where it cannot be detected. */
  readonly detected?: Detected<z.infer<Config>>;
  /** Older versions, reported where they are found. */
  readonly unsupported?: UnsupportedTables;
  create(config: z.infer<Config>, context: KindContext): KindSource;
  /**
   * Completes the configuration with what the database says about the tables, for `indexes` and
   * `control`. Rejects as `KindSource.metrics`. Absent where the configuration is always complete.
   */
  prepare?(
    config: z.infer<Config>,
    context: Pick<KindContext, "database" | "path">,
    signal: AbortSignal,
  ): Promise<z.infer<Config>>;
  /**
   * Indexes that its statements need and its table may lack. Absent where the system creates its
   * own.
   */
  indexes?(config: z.infer<Config>): readonly IndexAdvice[];
  /** How its jobs are changed. Absent where they are only read. */
  control?(config: z.infer<Config>): JobStatements;
}

/** Infers the type of the configuration. */
export function defineKind<Config extends z.ZodObject>(kind: QueueKind<Config>): QueueKind<Config> {
  return kind;
}

/** Text that PostgreSQL can store: well-formed and without U+0000. */
export const sqlText = z
  .string()
  .min(1, "must not be empty")
  .refine((text) => text.isWellFormed() && !text.includes("\0"), "must be well-formed text without U+0000");

/** Name of a column or schema, exactly as in the database. */
export const identifier = sqlText.refine(fits, "must be at most 63 bytes long");

const kamalName = z.string().regex(/^[A-Za-z0-9][\w.-]{0,252}$/, "must be a name as Kamal's configuration has it");

/** Options that every kind has. */
export const common = {
  name: z
    .string()
    .regex(
      /^[A-Za-z0-9][\w.:-]{0,63}$/,
      "must be 1 to 64 letters, digits, '.', ':', '_' or '-', and start with a letter or digit",
    ),
  env: z.enum(environments).optional(),
  /**
   * The Kamal service whose workers take its jobs. An absent destination means all of them; ""
   * means `kamal deploy` without `-d`.
   */
  service: kamalName.optional(),
  destination: z.union([z.literal(""), kamalName]).optional(),
  /**
   * The name of the database or broker that has its jobs, where several are configured. Each kind
   * accepts one of the two keys (`checkPlace`).
   */
  database: z.string().optional(),
  broker: z.string().optional(),
};

/** PostgreSQL truncates longer names, which would then name something else. */
export function fits(name: string): boolean {
  return Buffer.byteLength(name) <= 63;
}
