import { createSharedBudget } from "../../../lib/budget/budget.ts";
import { parseJsonSteps, shortText } from "../../../lib/budget/json-parse.ts";
import { type Steps, takeSteps } from "../../../lib/budget/steps.ts";
import { AnswerError } from "./errors.ts";

/**
 * Entries of a list, and names of an object of a long text, that are read. A container may publish
 * thousands of ports.
 */
export const mostEntries = 10_000;

/**
 * JSON of an engine; undefined for other content. Of an object of a long text, the first names are
 * read, and these `names` wherever they are: a container may have any number of labels.
 */
export function readJsonSteps(text: string, names: ReadonlySet<string>): Steps<unknown> {
  const isLeftOut = (name: string, count: number) => count >= mostEntries && !names.has(name);
  return parseJsonSteps(text, { atOnce: shortText, isLeftOut });
}

/**
 * As `readJsonSteps`. Other content (a proxy's HTML) is an AnswerError, without the parser's own
 * error, which quotes the body.
 */
export async function readJson(text: string, names: ReadonlySet<string>, signal: AbortSignal): Promise<unknown> {
  const json = await takeSteps(readJsonSteps(text, names), createSharedBudget(signal));
  if (json === undefined) throw new AnswerError("the response is not JSON: is this a Docker-compatible engine?");
  return json;
}
