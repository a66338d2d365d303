import { OpsError } from "../client/client.ts";
import { passesByItself } from "../lib/errors.ts";

/** Whether the same question may be answered later. */
export function isPassing(error: unknown): error is OpsError {
  return error instanceof OpsError && passesByItself(error.code);
}
