import type { Environment } from "../../domain/environment.ts";
import type { Database } from "./pool.ts";
import type { SqlSource } from "./sql-source.ts";
import type { RiverSourceConfig } from "./river-config.ts";
import { createRiverSource } from "./river-source.ts";
import type { TableSourceConfig } from "./table-config.ts";
import { createTableSource } from "./table-source.ts";

/** One source as QUEUES_FILE describes it. */
export type QueueSourceConfig = TableSourceConfig | RiverSourceConfig;

export interface SourceContext {
  readonly database: Database;
  /** Environment of a source that names none. */
  readonly env: Environment | null;
}

export type SourceFactory<Config> = (config: Config, context: SourceContext) => SqlSource;

type Factories = { readonly [Kind in QueueSourceConfig["kind"]]: SourceFactory<Extract<QueueSourceConfig, { kind: Kind }>> };

/** A new backend: its config type above, its schema in queues-file.ts, and its line here. */
const factories: Factories = {
  table: createTableSource,
  river: createRiverSource,
};

export function createQueueSource(config: QueueSourceConfig, context: SourceContext): SqlSource {
  return (factories[config.kind] as SourceFactory<QueueSourceConfig>)(config, context);
}
