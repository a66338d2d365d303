import { messagesOf, numberOf, readProtobuf, textOf } from "./redis-protobuf.ts";

/** What is told of a task. */
export interface AsynqTask {
  readonly error: string;
  /** How often it failed and was put back. */
  readonly retried: number;
  /** Milliseconds since 1970; null when it never failed. */
  readonly lastFailedAt: number | null;
}

/** A process that runs tasks. */
export interface AsynqServer {
  readonly isActive: boolean;
  readonly queues: readonly string[];
}

/** A task that is run now. */
export interface AsynqWorker {
  readonly host: string;
  readonly taskId: string;
  readonly type: string;
  readonly queue: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number | null;
}

/** TaskMessage of asynq's internal/proto/asynq.proto; null when it is none. */
export function toTask(message: Buffer): AsynqTask | null {
  const fields = readProtobuf(message);
  if (fields === null) return null;
  const failedAt = numberOf(fields, 11);
  return {
    error: textOf(fields, 7),
    retried: Math.max(0, numberOf(fields, 6)),
    lastFailedAt: failedAt > 0 ? failedAt * 1000 : null,
  };
}

/** ServerInfo of the same file; its queues are a map, from names to priorities. */
export function toServer(message: Buffer): AsynqServer | null {
  const fields = readProtobuf(message);
  return fields && { isActive: textOf(fields, 7) === "active", queues: messagesOf(fields, 5).map((entry) => textOf(entry, 1)) };
}

/** WorkerInfo of the same file. */
export function toWorker(message: Buffer): AsynqWorker | null {
  const fields = readProtobuf(message);
  if (fields === null) return null;
  const [started] = messagesOf(fields, 8);
  const seconds = started ? numberOf(started, 1) : 0;
  return {
    host: textOf(fields, 1),
    taskId: textOf(fields, 4),
    type: textOf(fields, 5),
    queue: textOf(fields, 7),
    startedAt: seconds > 0 ? seconds * 1000 : null,
  };
}
