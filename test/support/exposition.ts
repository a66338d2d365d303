interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const line = /^([a-z_][a-z0-9_]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$/i;

/** Parses an exposition as a scraper does. Throws for an invalid line. */
export function parseExposition(text: string): readonly Sample[] {
  const lines = text.split("\n").filter((part) => part !== "" && !part.startsWith("#"));
  return lines.map((part) => {
    const [, name = "", labels = "", value = ""] = line.exec(part) ?? [];
    if (name === "") throw new Error(`no sample: ${part}`);
    return { name, labels: parseLabels(labels), value: value === "+Inf" ? Infinity : Number(value) };
  });
}

function parseLabels(text: string): Record<string, string> {
  const pairs = text.matchAll(/([a-z_]+)="((?:[^"\\\n]|\\["\\n])*)"/g);
  const unescape = (value: string) => value.replaceAll(/\\(.)/g, (_, sign: string) => (sign === "n" ? "\n" : sign));
  return Object.fromEntries([...pairs].map(([, name = "", value = ""]) => [name, unescape(value)]));
}

/** The values of the samples with this name and these labels. */
export function valuesOf(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number[] {
  return parseExposition(text)
    .filter(
      (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
    .map(({ value }) => value);
}
