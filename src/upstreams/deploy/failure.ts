import { abortable } from "../../domain/abortable.ts";
import { OpsError } from "../../errors.ts";

/** ENOENT is also a dangling link; every other error of the file system is trouble, not absence. `name` is for people. */
export function toDeployError(error: unknown, name = "deploy_info.json"): OpsError {
  if (error instanceof OpsError) return error;
  // The code of our own deadline, a DOMException, is a number.
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "deadline";
  if (code === "ENOENT" || code === "ENOTDIR") return new OpsError("deploy_info_missing", `${name} not found on host`);
  return new OpsError("deploy_info_unreadable", `${name} cannot be read (${code})`, { cause: error });
}

/** For our log only: it names the path. */
export function causeOf(failure: OpsError | undefined): string | undefined {
  return failure?.cause instanceof Error ? failure.cause.message : undefined;
}

/** Total deadline of a read, milliseconds: a network file system can hang for ever. */
const deadlineMs = 1_000;

/** Gives up waiting when the signal aborts, or after a second. */
export function withDeadline<T>(promise: Promise<T>, caller: AbortSignal): Promise<T> {
  return abortable(promise, AbortSignal.any([caller, AbortSignal.timeout(deadlineMs)]));
}
