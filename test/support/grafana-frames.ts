import { vi } from "vitest";
import { toInfinityFields } from "../../script/grafana/draw/infinity.ts";
import type { Target } from "../../script/grafana/model.ts";
import {
  createTheme,
  type DataFrame,
  FieldType,
  getDisplayProcessor,
  standardTransformers,
  standardTransformersRegistry,
  toDataFrame,
  transformDataFrame,
} from "./grafana-data.ts";

// As Grafana registers them at start; some are in the list under two names.
const transformers = new Map(Object.values(standardTransformers).map((one) => [one.id, one]));
standardTransformersRegistry.setInit(
  () =>
    [...transformers.values()].map((one) => ({ id: one.id, name: one.name, transformation: async () => one })) as never,
);

// It looks there for the dashboard that it is in.
vi.stubGlobal("window", globalThis);

/** What Infinity's own parser makes of an answer of /graphql, before a time series becomes wide. */
export function toInfinityFrame(target: Target, answer: unknown): DataFrame {
  return toDataFrame({ refId: target.refId, fields: toInfinityFields(target, answer) as never });
}

/** Frames through a panel's transformations, by Grafana's own code. */
export function transform(transformations: readonly object[], frames: readonly DataFrame[]): Promise<DataFrame[]> {
  return new Promise((resolve, reject) => {
    transformDataFrame(transformations as never, [...frames]).subscribe({ next: resolve, error: reject });
  });
}

/** A colour as its theme has it. */
export const toColour = (name: string) => createTheme().visualization.getColorByName(name);

/** How a panel with these defaults shows a number or a text, by Grafana's own code. */
export function display(
  defaults: object,
  value: number | string | null,
): { readonly text: string; readonly color?: string } {
  const type = typeof value === "string" ? FieldType.string : FieldType.number;
  const field = { name: "value", type, values: [value], config: defaults };
  return getDisplayProcessor({ field: field as never, theme: createTheme() })(value);
}

/** The fields with numbers. */
export function numbersOf({ fields }: DataFrame) {
  return fields.filter(({ type }) => type === FieldType.number);
}

/** Items of the JSON datasource's answer, as the plugin makes them. */
export function toFrames(items: readonly unknown[]): DataFrame[] {
  return items.map((item) => toDataFrame(item as never));
}
