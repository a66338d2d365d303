import {
  ConsoleNowDocument,
  ConsoleNowMoreDocument,
  type ConsoleNowMoreQuery,
  type ConsoleNowQuery,
} from "../../../generated/console.ts";
import { type Live, useLive } from "./live.ts";
import { useEnv } from "./usage.ts";

/**
 * What the first screen shows beside containers and deploys, every 6 s and when a container has
 * changed.
 */
export function useNow({ skip = false }: { readonly skip?: boolean } = {}): Live<ConsoleNowQuery> {
  return useLive(ConsoleNowDocument, { env: useEnv() }, { everyMs: 6000, skip }).value;
}

/** The part of it that changes less, every 30 s and when a container has changed. */
export function useNowMore(): Live<ConsoleNowMoreQuery> {
  return useLive(ConsoleNowMoreDocument, { env: useEnv() }, { everyMs: 30_000 }).value;
}
