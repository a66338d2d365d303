import { ConsoleNowDocument, type ConsoleNowQuery } from "../../../generated/console.ts";
import { type Live, useLive } from "./live.ts";
import { useEnv } from "./usage.ts";

/** What the first screen shows beside containers and deploys, every 5 s and when a container has changed. */
export function useNow({ skip = false }: { readonly skip?: boolean } = {}): Live<ConsoleNowQuery> {
  return useLive(ConsoleNowDocument, { env: useEnv() }, { everyMs: 5000, skip }).value;
}
