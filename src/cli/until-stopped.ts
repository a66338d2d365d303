import { toConfigurationIssues } from "./configuration-issues.ts";

/**
 * Runs a server until it stops; resolves to the exit code: 0 stopped, 1 it cannot listen, 78 bad
 * configuration, with one line per mistake.
 */
export async function untilStopped(printError: (text: string) => void, run: () => Promise<void>): Promise<number> {
  try {
    await run();
    return 0;
  } catch (error) {
    const issues = toConfigurationIssues(error);
    if (issues) {
      printError(issues.join("\n"));
      return 78;
    }
    if (!isAboutAddress(error)) throw error;
    printError(`cannot start: ${error.message}`);
    return 1;
  }
}

/** HOST does not resolve, or the process cannot listen there. */
function isAboutAddress(error: unknown): error is Error {
  const { syscall } = error as NodeJS.ErrnoException;
  return syscall === "listen" || syscall === "getaddrinfo";
}
