import { useMemo } from "preact/hooks";
import { ConsoleUsageDocument } from "../../../generated/console.ts";
import { toKey } from "../../../facts/container.ts";
import { useLive } from "./live.ts";
import { params } from "../page/url.ts";

export interface Usage {
  /** Per cent of one CPU; may exceed 100. */
  readonly cpuPct: number | null;
  /** Per cent of its limit, or of its machine. */
  readonly memPct: number | null;
}

export type Env = "STAGING" | "PRODUCTION" | null;

/** The environment of the switch. */
export function useEnv(): Env {
  const env = params.value.get("env");
  return env === "STAGING" || env === "PRODUCTION" ? env : null;
}

/**
 * What every container uses now, by `toKey`. Nothing with `skip`, because engines read these numbers one
 * by one.
 */
export function useUsage({ skip = false } = {}): ReadonlyMap<string, Usage> {
  const { data } = useLive(ConsoleUsageDocument, { env: useEnv() }, { everyMs: 15_000, skip }).value;
  return useMemo(() => byKey(data?.containers), [data]);
}

/** Usage by `toKey`. */
export function byKey(
  rows: readonly (Usage & { readonly engine: string; readonly name: string })[] | null | undefined,
): ReadonlyMap<string, Usage> {
  return new Map((rows ?? []).map((row) => [toKey(row), row]));
}
