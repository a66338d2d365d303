import { params, setParams } from "../../page/url.ts";

interface Range {
  /** As in the URL, and as `from` of the schema's histories takes it. */
  readonly name: string;
  readonly label: string;
  readonly minutes: number;
}

export const ranges: readonly Range[] = [
  { name: "10m", label: "10 min", minutes: 10 },
  { name: "1h", label: "1 h", minutes: 60 },
  { name: "6h", label: "6 h", minutes: 360 },
  { name: "24h", label: "24 h", minutes: 1440 },
  { name: "7d", label: "7 d", minutes: 10_080 },
  { name: "30d", label: "30 d", minutes: 43_200 },
];
const usual: Range = { name: "1h", label: "1 h", minutes: 60 };

/** The range in the URL; an hour without one. */
export function readRange(): Range {
  const asked = params.value.get("range");
  return ranges.find(({ name }) => name === asked) ?? usual;
}

/**
 * Chooses the range of a screen's graphs. `least`: minutes of the shortest one that the history has
 * points for.
 */
export function RangeChips({ least = 60 }: { readonly least?: number }) {
  const chosen = readRange();
  return (
    <span class="chips right" role="group" aria-label="Range">
      {ranges
        .filter(({ minutes }) => minutes >= least)
        .map(({ name, label }) => (
          <button
            key={name}
            type="button"
            class="chip"
            aria-pressed={name === chosen.name}
            onClick={() => setParams({ range: name === usual.name ? null : name })}
          >
            {label}
          </button>
        ))}
    </span>
  );
}
