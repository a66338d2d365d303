import type { Container } from "../../src/containers/container.ts";
import type { LogLine } from "../../src/containers/logs/log.ts";
import { toLogTimestamp } from "../../src/lib/time.ts";
import { sampleContainer } from "./memory-sources.ts";

/** A log timestamp so many ms after a fixed moment. */
export function at(ms: number): string {
  return toLogTimestamp(`${1_768_297_600 + Math.floor(ms / 1000)}.${String(Math.floor(ms) % 1000).padStart(3, "0")}`);
}

export function line(ms: number, message = `at ${ms}`): LogLine {
  return { timestamp: at(ms), stream: "stdout", level: null, message };
}

/** A container of the role that was created so many whole seconds after the moment of `at`. */
export function replica(name: string, version = "v1", createdSeconds = -3600): Container {
  const createdAt = at(createdSeconds * 1000).replace(/\.\d+Z$/, "Z");
  return sampleContainer({ name, version, createdAt, startedAt: createdAt });
}
