import {
  ConsoleNowDocument,
  ConsoleNowMoreDocument,
  type ConsoleNowMoreQuery,
  type ConsoleNowQuery,
} from "../../../generated/console.ts";
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type Live, useLive } from "./live.ts";
import { useEnv } from "./usage.ts";

/** Whether the first screen has had an answer: it has the problems. */
export const hasNow = signal(false);

/**
 * What the first screen shows beside containers and deploys, every 6 s and when a container has
 * changed.
 */
export function useNow({ skip = false }: { readonly skip?: boolean } = {}): Live<ConsoleNowQuery> {
  const state = useLive(ConsoleNowDocument, { env: useEnv() }, { everyMs: 6000, skip }).value;
  const isAnswered = state.at > 0;
  useEffect(() => void (hasNow.value ||= isAnswered), [isAnswered]);
  return state;
}

/** The part of it that changes less, every 30 s and when a container has changed. */
export function useNowMore(): Live<ConsoleNowMoreQuery> {
  return useLive(ConsoleNowMoreDocument, { env: useEnv() }, { everyMs: 30_000 }).value;
}
