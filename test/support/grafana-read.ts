import { expect } from "vitest";
import { type DataFrame, FieldType, toDataFrame } from "./grafana-data.ts";

/**
 * The items of an answer as the plugin makes them: each through `toDataFrame`, and what holds for
 * every one of ours.
 */
export function readFrames(answer: unknown): DataFrame[] {
  expect(Array.isArray(answer), JSON.stringify(answer)).toBe(true);
  return (answer as any[]).map((item) => {
    const frame = toDataFrame(item);
    expect(frame.refId).toBe(item.schema.refId);
    expect(frame.refId).not.toBe("");
    expect(frame.fields.map(({ name, type }) => [name, type])).toEqual(
      item.schema.fields.map((field: any) => [field.name, field.type]),
    );
    for (const field of frame.fields) {
      expect(field.values).toHaveLength(frame.length);
      for (const value of field.values) expectType(field.type, value);
    }
    const time = frame.fields.find(({ type, name }) => type === FieldType.time && name === "time");
    if (time) expect(time.values).toEqual(time.values.toSorted((a: number, b: number) => a - b));
    return frame;
  });
}

const kinds: Readonly<Record<string, string>> = {
  time: "number",
  number: "number",
  string: "string",
  boolean: "boolean",
};

function expectType(type: string, value: unknown): void {
  if (value === null) return;
  expect(typeof value).toBe(kinds[type]);
  // Milliseconds, not seconds.
  if (type === "time") expect(value).toBeGreaterThan(1e12);
}

/** The labels of a frame's numbers, with their values. */
export function linesOf(frame: DataFrame | undefined) {
  return (frame?.fields ?? [])
    .filter(({ type }) => type === FieldType.number)
    .map(({ labels, config, values }) => ({
      labels,
      unit: config.unit,
      legend: config.displayNameFromDS,
      values: [...values],
    }));
}

export function column(frame: DataFrame | undefined, name: string): unknown[] {
  const field = frame?.fields.find((one) => one.name === name);
  expect(field, `column ${name}`).toBeDefined();
  return [...(field?.values ?? [])];
}
