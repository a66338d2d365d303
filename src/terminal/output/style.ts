import { styleText } from "node:util";
import type { Tone as StateTone } from "../../facts/tone.ts";

/**
 * How a text is shown: by the state that it names, or by its weight. Colour is never the only
 * sign: the word says it too.
 */
export type Tone = StateTone | "muted" | "strong" | "plain";

/** Gives a text the look of its tone, or none where nothing is coloured. */
export type Paint = (tone: Tone, text: string) => string;

export type ColourWhen = "auto" | "always" | "never";
export const colourChoices: readonly ColourWhen[] = ["auto", "always", "never"];

interface Screen {
  readonly isTTY?: boolean | undefined;
}

const formats = { ok: "green", warn: "yellow", bad: "red", neutral: "dim", muted: "dim", strong: "bold" } as const;

/**
 * Colours where a person looks: on a terminal, unless NO_COLOR (no-color.org) or TERM=dumb says
 * otherwise.
 */
export function createPaint(
  when: ColourWhen,
  screen: Screen,
  env: Readonly<Record<string, string | undefined>>,
): Paint {
  const isAsked =
    when === "always" || (when === "auto" && screen.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb");
  if (!isAsked) return (_tone, text) => text;
  return (tone, text) =>
    tone === "plain" || text === "" ? text : styleText(formats[tone], text, { validateStream: false });
}

/**
 * An untrusted text as one line that cannot move the cursor, change colours or the reading
 * direction: control and format characters are removed, tabs and line ends become blanks.
 */
export function toOneLine(text: string): string {
  return text.replaceAll(/[\t\n\r]+/g, " ").replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "");
}
