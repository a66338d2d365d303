/** OpenMetrics 1.0, or the text format 0.0.4 of before, which `promtool check metrics` and old scrapers read. */
export type Format = "openmetrics" | "text";

export const contentTypes: Readonly<Record<Format, string>> = {
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
  text: "text/plain; version=0.0.4; charset=utf-8",
};

export interface Sample {
  /** What the sample's name has beyond its family's, such as "_bucket". */
  readonly suffix?: string;
  /** As `toLabels` writes them. */
  readonly labels: string;
  readonly value: number;
}

/** Everything that has one name. `name` ends with "_total" for a counter, with "_info" for an info. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "gauge" | "counter" | "info" | "histogram";
  readonly samples: readonly Sample[];
}

export type Labels = Readonly<Record<string, string | number | null | undefined>>;

/** A value that others choose may be of any length: it is cut here, in UTF-16 units. */
const longestLabel = 256;

/** `name="value",...` without braces. A label without a value is left out, which to Prometheus is the same. */
export function toLabels(labels: Labels): string {
  let text = "";
  for (const name in labels) {
    const value = labels[name];
    if (value === null || value === undefined || value === "") continue;
    text += `${text && ","}${name}="${escapeLabel(String(value).slice(0, longestLabel))}"`;
  }
  return text;
}

const special = /[\\"\n]/;

function escapeLabel(text: string): string {
  if (!special.test(text)) return text;
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** The body of a scrape. A family without a sample is left out. Sources: OpenMetrics 1.0, and "Exposition formats" of the Prometheus docs. */
export function toText(families: readonly Family[], format: Format): string {
  let text = "";
  for (const family of families) if (family.samples.length > 0) text += toFamilyText(family, format);
  return format === "openmetrics" ? `${text}# EOF\n` : text;
}

function toFamilyText({ name, help, type, samples }: Family, format: Format): string {
  const isOpen = format === "openmetrics";
  // In OpenMetrics the suffix belongs to the sample, not to the family.
  const title = isOpen ? name.replace(type === "counter" ? /_total$/ : /_info$/, "") : name;
  let text = `# HELP ${title} ${escapeHelp(help, isOpen)}\n# TYPE ${title} ${!isOpen && type === "info" ? "gauge" : type}\n`;
  const unit = isOpen && type !== "info" ? /_(seconds|bytes|ratio)$/.exec(title)?.[1] : undefined;
  if (unit) text += `# UNIT ${title} ${unit}\n`;
  for (const { suffix, labels, value } of samples) {
    text += `${suffix ? name + suffix : name}${labels && `{${labels}}`} ${toNumber(value)}\n`;
  }
  return text;
}

function escapeHelp(help: string, isOpen: boolean): string {
  const text = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return isOpen ? text.replaceAll('"', '\\"') : text;
}

function toNumber(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}
