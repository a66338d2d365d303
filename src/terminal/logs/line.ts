import { stripVTControlCharacters } from "node:util";
import type { LogLineFieldsFragment } from "../../client/client.ts";

/** A line of a log, or a marker where a release begins. */
export type Line = LogLineFieldsFragment;

/** Most lines are plain ASCII: one test shows that nothing must be removed. */
// oxlint-disable-next-line no-control-regex
const unusual = /[^\t\u0020-\u007e]/;

/**
 * The text of a line without escape sequences, control and format characters. Tabs stay. The
 * gateway cleans lines too, but what reaches a terminal must not depend on that.
 */
export function toLineText(message: string): string {
  if (!unusual.test(message)) return message;
  return stripVTControlCharacters(message).replaceAll(/(?!\t)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "");
}
