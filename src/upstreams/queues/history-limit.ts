import { OpsError } from "../../errors.ts";

/** Points of one answer: as many as are made without keeping others waiting. */
export const mostPoints = 50_000;

/** To be asked before the points are made. Throws answer_too_large. */
export function checkPoints(count: number): void {
  if (count <= mostPoints) return;
  const advice = "choose a longer step, fewer points (maxPoints), a shorter range, or fewer queues";
  throw new OpsError("answer_too_large", `A history of more than ${mostPoints} points: ${advice}`);
}
