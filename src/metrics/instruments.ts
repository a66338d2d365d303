import type { Registry } from "prom-client";
import type { Upstream } from "../lib/upstream-call.ts";
import { type Family, toLabels } from "./exposition.ts";
import type { Answered, Recorders } from "./recorders.ts";

/** The gateway's own costs: recorded at once, collected by a scrape. */
export interface Instruments {
  /** An ObserveCall. */
  readonly observeCall: (upstream: Upstream, seconds: number, code: string | null) => void;
  readonly observeRequest: (answered: Answered) => void;
  readonly collect: () => Promise<readonly Family[]>;
}

/** Events are only queued for this long before prom-client is loaded, milliseconds: the first answers do not wait 25 ms for it. */
const loadAfterMs = 1000;

/** The counters of one process. Loads and starts nothing until there is something to count. */
export function createInstruments(): Instruments {
  let recorders: Recorders | null = null;
  let loading: Promise<Recorders> | null = null;
  let noted: ((now: Recorders) => void)[] = [];

  const load = () =>
    (loading ??= import("./recorders.ts").then(({ createRecorders }) => {
      const made = createRecorders();
      for (const note of noted) note(made);
      noted = [];
      return (recorders = made);
    }));
  const record = (note: (now: Recorders) => void) => {
    if (recorders) return note(recorders);
    if (noted.push(note) === 1) setTimeout(() => void load(), loadAfterMs).unref();
  };
  return {
    observeCall: (upstream, seconds, code) => record((now) => now.call(upstream, seconds, code)),
    observeRequest: (answered) => record((now) => now.request(answered)),
    collect: async () => toFamilies((await load()).registry),
  };
}

/** The counts of prom-client. */
async function toFamilies(registry: Registry): Promise<readonly Family[]> {
  const metrics = await registry.getMetricsAsJSON();
  return metrics.map((metric): Family => {
    const { name, help } = metric;
    // At run time this is a string; prom-client's types say a number.
    const type = String(metric.type) as Family["type"];
    const samples = metric.values.map(({ labels, value, ...rest }) => {
      const sampleName = "metricName" in rest ? String(rest.metricName) : name;
      return { suffix: sampleName.slice(name.length), labels: toLabels(toText(labels)), value };
    });
    return { name, help, type: name.endsWith("_info") ? "info" : type, samples };
  });
}

/** Bounds of buckets and quantiles are floating-point numbers, written as such. */
function toText(labels: Readonly<Record<string, string | number | undefined>>): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [name, typeof value === "number" ? toFloat(value) : value]),
  );
}

function toFloat(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}
