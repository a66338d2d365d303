import { cacheFieldDisplayNames, PanelPlugin, type PanelProps } from "@grafana/data";
import { TableCellHeight } from "@grafana/schema";
import { TableNG } from "@grafana/ui/unstable";
import { useMemo } from "react";
import { addOptions } from "../fields.ts";
import { NoData } from "./no-data.tsx";

interface Options {
  readonly frameIndex: number;
  readonly showHeader: boolean;
  readonly showTypeIcons?: boolean;
  readonly cellHeight: TableCellHeight;
  readonly maxRowHeight?: number;
  readonly enablePagination?: boolean;
  readonly frozenColumns?: { readonly left?: number };
  readonly sortBy?: { displayName: string; desc?: boolean }[];
}

function TablePanel({ data, options, fieldConfig, width, height, timeRange, transparent }: PanelProps<Options>) {
  // TableNG reads the names from there.
  useMemo(() => cacheFieldDisplayNames(data.series), [data.series]);
  const frame = data.series[options.frameIndex] ?? data.series[0];
  if (!frame || !data.series.some(({ fields }) => fields.length > 0)) return <NoData fieldConfig={fieldConfig} />;
  return (
    <TableNG
      data={frame}
      width={width}
      height={height}
      noHeader={!options.showHeader}
      showTypeIcons={options.showTypeIcons}
      resizable
      cellHeight={options.cellHeight}
      maxRowHeight={options.maxRowHeight}
      sortBy={options.sortBy}
      noValue={fieldConfig.defaults.noValue}
      frozenColumns={options.frozenColumns?.left}
      enablePagination={options.enablePagination}
      timeRange={timeRange}
      fieldConfig={fieldConfig}
      structureRev={data.structureRev}
      transparent={transparent}
    />
  );
}

export const table = new PanelPlugin<Options>(TablePanel as never)
  .useFieldConfig({
    useCustomConfig: (builder) => {
      addOptions(builder, {
        minWidth: undefined,
        width: undefined,
        align: "auto",
        wrapText: undefined,
        wrapHeaderText: undefined,
        cellOptions: { type: "auto" },
        inspect: false,
        filterable: undefined,
        "hideFrom.viz": undefined,
        "footer.reducers": [],
        "tooltip.field": undefined,
        "tooltip.placement": undefined,
        styleField: undefined,
      });
    },
  })
  .setPanelOptions((builder) => {
    addOptions(builder, { frameIndex: 0, showHeader: true, cellHeight: TableCellHeight.Sm });
  });
