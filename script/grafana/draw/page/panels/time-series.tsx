import { type DataFrame, type Field, FieldColorModeId, FieldType, PanelPlugin, type PanelProps } from "@grafana/data";
import { config } from "@grafana/runtime";
import type { VizLegendOptions } from "@grafana/schema";
import { TimeSeries, type UPlotConfigBuilder } from "@grafana/ui";
import { useLayoutEffect, useMemo } from "react";
import type uPlot from "uplot";
import { addOptions } from "../fields.ts";
import { NoData } from "./no-data.tsx";

interface Options {
  readonly legend: VizLegendOptions;
  readonly tooltip: object;
}

/** Frames with a time and numbers; booleans are drawn as 0 and 1. */
function toGraphable(frames: readonly DataFrame[]): DataFrame[] {
  return frames.flatMap((frame) => {
    if (!frame.fields.some(({ type }) => type === FieldType.time)) return [];
    const fields = frame.fields.flatMap((field): Field[] => {
      if (field.type === FieldType.time || field.type === FieldType.number) return [field];
      if (field.type !== FieldType.boolean) return [];
      return [
        {
          ...field,
          type: FieldType.number,
          values: field.values.map((value: boolean | null) => value && Number(value)),
        },
      ];
    });
    return fields.some(({ type }) => type === FieldType.number) ? [{ ...frame, fields, length: frame.length }] : [];
  });
}

function TimeSeriesPanel({ data, options, fieldConfig, width, height, timeRange, timeZone }: PanelProps<Options>) {
  const frames = useMemo(() => toGraphable(data.series), [data.series]);
  if (frames.length === 0) {
    const message = data.series.length > 0 ? "Data is missing a time field or a number field" : undefined;
    return <NoData fieldConfig={fieldConfig} message={message} />;
  }
  return (
    <TimeSeries
      frames={frames}
      structureRev={data.structureRev}
      timeRange={timeRange}
      timeZone={timeZone}
      width={width}
      height={height}
      legend={options.legend}
    >
      {(builder: UPlotConfigBuilder) => <Annotations builder={builder} frames={data.annotations ?? []} />}
    </TimeSeries>
  );
}

interface AnnotationsProps {
  readonly builder: UPlotConfigBuilder;
  readonly frames: readonly DataFrame[];
}

/** A dashed line with a mark below it for each, in its colour. */
function Annotations({ builder, frames }: AnnotationsProps) {
  useLayoutEffect(() => {
    builder.addHook("draw", (plot: uPlot) => {
      const { ctx, bbox } = plot;
      ctx.save();
      ctx.setLineDash([5, 5]);
      ctx.lineWidth = 2;
      for (const { time, color } of frames.flatMap(toMarks)) {
        const x = Math.round(plot.valToPos(time, "x", true));
        if (x < bbox.left || x > bbox.left + bbox.width) continue;
        ctx.strokeStyle = ctx.fillStyle = config.theme2.visualization.getColorByName(color);
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
        ctx.beginPath();
        ctx.moveTo(x - 5, bbox.top + bbox.height + 6);
        ctx.lineTo(x + 5, bbox.top + bbox.height + 6);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.fill();
      }
      ctx.restore();
    });
  }, [builder, frames]);
  return null;
}

function toMarks(frame: DataFrame): { readonly time: number; readonly color: string }[] {
  const read = (name: string) => frame.fields.find((field) => field.name === name)?.values ?? [];
  const colors = read("color");
  return read("time").map((time: number, index: number) => ({ time, color: String(colors[index] ?? "blue") }));
}

export const timeSeries = new PanelPlugin<Options>(TimeSeriesPanel as never)
  .useFieldConfig({
    standardOptions: { color: { defaultValue: { mode: FieldColorModeId.PaletteClassic } } },
    useCustomConfig: (builder) => {
      addOptions(builder, {
        drawStyle: "line",
        lineInterpolation: "linear",
        lineWidth: 1,
        lineStyle: undefined,
        lineColor: undefined,
        fillOpacity: 0,
        fillColor: undefined,
        fillBelowTo: undefined,
        gradientMode: "none",
        barAlignment: 0,
        barWidthFactor: 0.6,
        barMaxWidth: undefined,
        showPoints: "auto",
        pointSize: 5,
        spanNulls: false,
        insertNulls: false,
        stacking: { mode: "none", group: "A" },
        transform: undefined,
        thresholdsStyle: { mode: "off" },
        hideFrom: { tooltip: false, viz: false, legend: false },
        scaleDistribution: { type: "linear" },
        axisPlacement: "auto",
        axisLabel: "",
        axisWidth: undefined,
        axisSoftMin: undefined,
        axisSoftMax: undefined,
        axisColorMode: "text",
        axisBorderShow: false,
        axisCenteredZero: false,
        axisGridShow: true,
      });
    },
  })
  .setPanelOptions((builder) => {
    addOptions(builder, {
      legend: { displayMode: "list", placement: "bottom", showLegend: true, calcs: [] },
      tooltip: { mode: "single", sort: "none" },
    });
  })
  .setDataSupport({ annotations: true, alertStates: true });
