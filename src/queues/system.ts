import * as z from "zod";
import { type Environment, environments } from "../lib/environment.ts";
import type { Logger } from "../lib/logger.ts";
import type { ObserveCall } from "../lib/upstream-call.ts";
import type { Database } from "./postgres/database.ts";
import type { TableName } from "./postgres/names.ts";
import type { HeavyOptions, IndexAdvice } from "./postgres/statements.ts";
import type { QueueSource, UnsupportedSystem } from "./queue.ts";

/** What a source may need. Nothing of it is connected before it is used. */
export interface KindContext {
  readonly database: Database;
  /** Environment of a source that names none. */
  readonly env: Environment | null;
  /** Addresses of the brokers, with their credentials; null when not configured. */
  readonly brokers: Brokers;
  readonly logger: Logger;
  readonly observe?: ObserveCall | undefined;
  /** Absent: as it is best. */
  readonly heavy?: HeavyOptions | undefined;
}

export interface Brokers {
  /** RABBITMQ_URL: the management API, http(s)://user:password@host:15672. */
  readonly rabbitmq: string | null;
  /** REDIS_URL: redis(s)://... */
  readonly redis: string | null;
}

export interface KindSource extends QueueSource {
  /** Its rows do not have all of the past: what `history` leaves null is taken from what was seen while somebody asked. */
  readonly isPastPartial?: boolean;
  /** Tables that are read; `cli check` looks at the rights on them. Empty for a system that is none of PostgreSQL. */
  readonly tables: readonly TableName[];
  /** What an owner should know although it could be read: after `metrics`. Absent: nothing. */
  warnings?(): readonly string[];
  /** Other job systems in the same place, which are not read. Never rejects. Absent: there can be none. */
  unsupported?(signal: AbortSignal): Promise<readonly UnsupportedSystem[]>;
  /**
   * The 95th percentile of the run times of the newest jobs that succeeded, seconds, by queue, whenever they ended; those are left out whose rows are not there, or not
   * found at once. Rejects as `metrics`. Absent where rows do not say it.
   */
  usualRuns?(signal: AbortSignal): Promise<ReadonlyMap<string, number>>;
  /** Ends its own connections. */
  close?(): Promise<void>;
}

/** A version of a job system that is not read: a schema that has all of these tables, and none of the others. */
interface UnsupportedTables extends Pick<UnsupportedSystem, "name" | "reason"> {
  readonly tables: readonly [string, ...string[]];
  readonly without: readonly [string, ...string[]];
}

/** How a source is known without a word in QUEUES_FILE. */
type Detected<Config> =
  | {
      /** A schema that has all of these tables has this system; only that of this name where one is given. */
      readonly tables: readonly [string, ...string[]];
      readonly schema?: string;
      readonly broker?: undefined;
      toConfig(found: { readonly name: string; readonly schema: string }): Config;
    }
  | {
      /** The address of this broker is all that is needed. */
      readonly broker: keyof Brokers;
      readonly tables?: undefined;
      toConfig(found: { readonly name: string }): Config;
    };

/** One job system: how it is configured, how it is recognised, and how it is read. */
export interface QueueKind<Config extends z.ZodObject = z.ZodObject> {
  readonly kind: string;
  /** What QUEUES_FILE says of a source: `kind`, `name`, and whatever the kind has. */
  readonly config: Config;
  /** Absent where that cannot be known. */
  readonly detected?: Detected<z.infer<Config>>;
  /** Older versions, which are named where they are found. */
  readonly unsupported?: UnsupportedTables;
  create(config: z.infer<Config>, context: KindContext): KindSource;
  /** Indexes that its statements need and its tables may lack, of one table. Absent where the system makes its own. */
  indexes?(config: z.infer<Config>): readonly IndexAdvice[];
}

/** Keeps the type of the configuration. */
export function defineKind<Config extends z.ZodObject>(kind: QueueKind<Config>): QueueKind<Config> {
  return kind;
}

/** Text that PostgreSQL can hold: well-formed and without the zero character. */
export const sqlText = z
  .string()
  .min(1, "must not be empty")
  .refine((text) => text.isWellFormed() && !text.includes("\0"), "must be well-formed text without U+0000");

/** Name of a column or schema, exactly as in the database. */
export const identifier = sqlText.refine(fits, "must be at most 63 bytes long");

/** What every kind has. */
export const common = {
  name: z
    .string()
    .regex(
      /^[A-Za-z0-9][\w.:-]{0,63}$/,
      "must be 1 to 64 letters, digits, '.', ':', '_' or '-', and start with a letter or digit",
    ),
  env: z.enum(environments).optional(),
};

/** PostgreSQL cuts longer names, which would then mean something else. */
export function fits(name: string): boolean {
  return Buffer.byteLength(name) <= 63;
}
