import { createInterface } from "node:readline/promises";
import { UsageError } from "../../cli/command.ts";
import { OpsError } from "../../client/client.ts";
import type { Options, Session } from "../command.ts";

export const yesOption = {
  type: "boolean",
  short: "y",
  about: "do not ask for confirmation; required if stdin is not a terminal",
} as const satisfies Options[string];

/**
 * A name or an id: the one argument of a command. @throws UsageError without one, or with a second
 * one
 */
export function toOnly(what: string, [first, ...others]: readonly string[]): string {
  if (first === undefined || first === "" || others.length > 0) throw new UsageError(`Exactly one ${what} is needed`);
  return first;
}

/**
 * Whether a person says yes to `[y/N]`. Asks on stderr, so that stdout has the result alone;
 * `--yes` answers in advance.
 *
 * @throws UsageError where nobody can be asked
 */
export async function confirm(session: Session, question: string, isYes: boolean | undefined): Promise<boolean> {
  if (isYes) return true;
  if (!session.context.stdio.stdin.isTTY)
    throw new UsageError("stdin is not a terminal: use --yes to skip the confirmation");
  const answer = await ask(session, `${question} [y/N] `);
  const isAgreed = /^y(?:es)?$/i.test(answer.trim());
  if (!isAgreed) session.note("Nothing was changed");
  return isAgreed;
}

/**
 * Runs an action; where the gateway refuses the token, stderr says what it needs. @throws as the
 * action does
 */
export async function withScope(session: Session, action: () => Promise<number>): Promise<number> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof OpsError && error.code === "forbidden")
      session.note("This needs a token with the scope ops:operate for that environment");
    throw error;
  }
}

/**
 * Throws where a reason that must be given is neither there nor can be asked for. @throws
 * UsageError
 */
export function checkReason({ context }: Session, reason: string | undefined): void {
  if (reason === undefined && context.stdio.stdin.isTTY) return;
  if (reason === undefined || reason.trim() === "")
    throw new UsageError("A reason for the audit record is required: --reason TEXT");
}

/**
 * The reason of `--reason`, else the one that a person types. @throws UsageError where it is empty
 */
export async function askReason(session: Session, reason: string | undefined): Promise<string> {
  const given = reason ?? (await ask(session, "Reason (kept in the audit record): ")).trim();
  checkReason(session, given);
  return given;
}

/**
 * The line that is typed; empty at the end of the input. Ctrl-C is left to the process, whose
 * signal ends the wait.
 */
async function ask({ context: { stdio, stop } }: Session, question: string): Promise<string> {
  const lines = createInterface({ input: stdio.stdin, output: stdio.stderr, terminal: false });
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once("close", () => resolve(""));
      lines.question(question, { signal: stop }).then(resolve, reject);
    });
  } finally {
    lines.close();
  }
}
