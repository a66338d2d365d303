import {
  capitalize,
  formatBytes,
  formatDuration,
  formatLoad,
  formatNumber,
  formatPercent,
  formatRate,
  formatShare,
} from "./format.ts";

/**
 * How each unit is written for people, and how a schema names it. A number whose name says what it
 * counts needs no unit.
 */
const units = {
  count: { format: formatNumber, words: "" },
  seconds: { format: formatDuration, words: "Seconds." },
  rate: { format: formatRate, words: "" },
  share: { format: formatShare, words: "0..1." },
  percent: { format: formatPercent, words: "Per cent." },
  load: { format: formatLoad, words: "" },
  bytes: { format: formatBytes, words: "Bytes." },
  speed: {
    format: (value: number | null | undefined) => formatBytes(value) + (typeof value === "number" ? "/s" : ""),
    words: "Bytes per second.",
  },
} as const;

/** Describes a number of a thing. */
export interface NumberFact {
  /** In a few letters, for column headings. */
  readonly label: string;
  readonly unit: keyof typeof units;
  /** Explains it to people who see it for the first time. */
  readonly about: string;
  /**
   * When it is unknown or missing: continues "Null" or "Absent". Never for a number that is always
   * known.
   */
  readonly absent?: string;
  /** Its name in `/metrics`, after the name of its thing. Absent if it is not exported. */
  readonly metric?: string;
  /** Its short name in the rows for agents: each appears once in a heading. */
  readonly tool?: string;
  /** Whether any value above 0 needs attention. */
  readonly isTrouble?: boolean;
}

/** For a schema: its description, its unit, and when it is null. */
export function describeNumber({ about, absent, unit }: NumberFact): string {
  return [about, units[unit].words, absent === undefined ? "" : `Null ${absent}.`].filter(Boolean).join(" ");
}

/** For `/metrics`, where the name includes the unit. */
export function describeMetric({ about, absent }: NumberFact): string {
  return absent === undefined ? about : `${about} Absent ${absent}.`;
}

/** A number as people read it. */
export function formatFact({ unit }: NumberFact, value: number | null | undefined): string {
  return units[unit].format(value);
}

/** Its label at the beginning of a line. */
export function toHeading({ label }: NumberFact): string {
  return capitalize(label);
}
