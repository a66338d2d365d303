import process from "node:process";

/**
 * How long a finished command waits for what is still open, such as the connection to a silent
 * upstream, ms.
 */
const graceMs = 500;

/**
 * Work that a thread does for Node, which cannot exit before it is done: a name that DNS does not
 * answer takes 40 s and more.
 */
const threadWork = /^(?:GetAddrInfoReqWrap|GetNameInfoReqWrap|FSReq\w+)$/;

/**
 * Ends a process whose command is done, with its exit code, whatever is still open. Where a thread
 * would hold it, a new program that ends at once takes the place of this one: the process keeps its
 * id, and its parent gets the exit code.
 */
export function endSoon(code: number): void {
  process.exitCode = code;
  setTimeout(() => process.exit(), graceMs).unref();
  // Added last, so it comes after the log's last lines.
  process.once("exit", (final) => {
    if (!process.getActiveResourcesInfo().some((kind) => threadWork.test(kind))) return;
    // Without NODE_OPTIONS: nothing else is to run.
    process.execve?.(process.execPath, [process.execPath, "-e", `process.exitCode = ${final}`], {});
  });
}
