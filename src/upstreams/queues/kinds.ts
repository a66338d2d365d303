import type * as z from "zod";
import type { KindContext, KindSource, QueueKind } from "./kind.ts";
import { river } from "./kinds/river.ts";
import { table } from "./kinds/table.ts";

/** Every job system that is known: a new one is a file in kinds/ and a line here. */
export const queueKinds = [table, river] as const;

/** One source as QUEUES_FILE describes it. */
export type QueueSourceConfig = Readonly<z.infer<(typeof queueKinds)[number]["config"]>>;

export function createQueueSource(config: QueueSourceConfig, context: KindContext): KindSource {
  const kind = queueKinds.find((candidate) => candidate.kind === config.kind) as QueueKind | undefined;
  if (!kind) throw new Error(`There is no kind ${config.kind}`);
  return kind.create(config, context);
}
