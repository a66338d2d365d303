import {
  formatBytes,
  formatDuration,
  formatLoad,
  formatNumber,
  formatPercent,
  formatRate,
  formatShare,
} from "./format.ts";

/**
 * How each unit is written for people, and what a schema calls it. A name that counts needs no
 * unit.
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

/** What a number of a thing is. */
export interface NumberFact {
  /** In a few letters, for heads of columns. */
  readonly label: string;
  readonly unit: keyof typeof units;
  /** What it says, for people who see it for the first time. */
  readonly about: string;
  /**
   * When it is not known, or not there: goes on from "Null" and "Absent". Never for one that is
   * always known.
   */
  readonly absent?: string;
  /** In `/metrics`, behind the name of its thing. Absent for what is not exported. */
  readonly metric?: string;
  /** In the rows that agents get, short: each is said once in a head. */
  readonly tool?: string;
  /** Whether more than none is to be looked at. */
  readonly isTrouble?: boolean;
}

/** For a schema: what it is, its unit, and when it is null. */
export function describeNumber({ about, absent, unit }: NumberFact): string {
  return [about, units[unit].words, absent === undefined ? "" : `Null ${absent}.`].filter(Boolean).join(" ");
}

/** For `/metrics`, where the name has the unit. */
export function describeMetric({ about, absent }: NumberFact): string {
  return absent === undefined ? about : `${about} Absent ${absent}.`;
}

/** A number as people read it. */
export function formatFact({ unit }: NumberFact, value: number | null | undefined): string {
  return units[unit].format(value);
}

/** Its label where a line begins with it. */
export function toHeading({ label }: NumberFact): string {
  return label.charAt(0).toUpperCase() + label.slice(1);
}
