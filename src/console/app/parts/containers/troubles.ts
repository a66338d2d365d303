import { useMemo } from "preact/hooks";
import { useProblems } from "../problems.tsx";
import { toTroubles, type Trouble } from "./seen.ts";

/** The worst problem of each container that has one, by the container's id: as Now shows it, every other screen does. */
export function useTroubles(): ReadonlyMap<string, Trouble> {
  const { rows } = useProblems();
  return useMemo(() => toTroubles(rows ?? []), [rows]);
}
