import { diskFullRatio, hostNumbers, toDiskTone, toUsageTone } from "../../../../facts/host.ts";
import type { Tone } from "../../../../facts/tone.ts";
import { formatShare } from "../../../../facts/format.ts";
import type { HostRow } from "./table.tsx";

/** The gateway's thresholds; null before they are known. */
export type Thresholds = { readonly cpu: number; readonly mem: number } | null | undefined;

/**
 * A share of something that is used, 0..1, as a bar. `threshold`: from where on it is a problem.
 * Unknown is hatched.
 */
function Gauge({
  name,
  value,
  tone,
  threshold,
  about,
}: {
  readonly name: string;
  readonly value: number | null;
  readonly tone: Tone;
  readonly threshold: number | undefined;
  readonly about: string;
}) {
  const limit = threshold === undefined ? "" : `, alert at ${formatShare(threshold)}`;
  const isHot = tone === "warn";
  const words = value === null ? "unknown" : formatShare(value);
  return (
    <span class={`gauge ${value === null ? "none" : isHot ? "hot" : ""}`} title={`${words}${limit}. ${about}`}>
      <span
        class="track"
        role="meter"
        aria-label={name}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={value === null ? 0 : Math.round(value * 100)}
        aria-valuetext={words}
      >
        {value !== null && <span class="fill" style={{ width: `${Math.min(100, value * 100)}%` }} />}
        {threshold !== undefined && <span class="limit" style={{ left: `${threshold * 100}%` }} />}
      </span>
      <span class="value">
        {isHot && <span aria-hidden="true">▲ </span>}
        {words}
      </span>
    </span>
  );
}

type Host = Pick<HostRow, "cpuUtil" | "memUtil" | "diskUtil">;

/** The shares of a host that are used. */
const measures = { cpu: "cpuUtil", mem: "memUtil", disk: "diskUtil" } as const;

type Measure = keyof typeof measures;

export function toMeasureTone(measure: Measure, host: Host, thresholds: Thresholds): Tone {
  const value = host[measures[measure]];
  return measure === "disk" ? toDiskTone(value) : toUsageTone(value, thresholds?.[measure]);
}

/** One of them as a bar. @param name for those who hear the page */
export function HostGauge({
  name,
  measure,
  host,
  thresholds,
}: {
  readonly name: string;
  readonly measure: Measure;
  readonly host: Host;
  readonly thresholds: Thresholds;
}) {
  const number = measures[measure];
  return (
    <Gauge
      name={name}
      value={host[number]}
      tone={toMeasureTone(measure, host, thresholds)}
      threshold={measure === "disk" ? diskFullRatio : thresholds?.[measure]}
      about={hostNumbers[number].about}
    />
  );
}
