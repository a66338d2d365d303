import {
  type DisplayValueAlignmentFactors,
  type FieldDisplay,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  PanelPlugin,
  type PanelProps,
  type VizOrientation,
} from "@grafana/data";
import { config } from "@grafana/runtime";
import {
  BigValue,
  type BigValueColorMode,
  BigValueGraphMode,
  type BigValueJustifyMode,
  type BigValueTextMode,
  DataLinksContextMenu,
  VizRepeater,
  type VizRepeaterRenderValueProps,
} from "@grafana/ui";
import type { MouseEventHandler } from "react";
import { addOptions } from "../fields.ts";

interface Options {
  readonly reduceOptions: { calcs: string[]; fields?: string; values?: boolean; limit?: number };
  readonly colorMode: BigValueColorMode;
  readonly graphMode: BigValueGraphMode;
  readonly justifyMode: BigValueJustifyMode;
  readonly textMode: BigValueTextMode;
  readonly orientation: VizOrientation;
  readonly text?: { readonly titleSize?: number; readonly valueSize?: number };
  readonly wideLayout: boolean;
}

function StatPanel({
  data,
  options,
  fieldConfig,
  replaceVariables,
  timeRange,
  timeZone,
  width,
  height,
  renderCounter,
}: PanelProps<Options>) {
  const getValues = () =>
    getFieldDisplayValues({
      fieldConfig,
      reduceOptions: options.reduceOptions,
      replaceVariables,
      theme: config.theme2,
      data: data.series,
      sparkline: options.graphMode !== BigValueGraphMode.None,
      timeZone,
    });
  const renderValue = ({
    value,
    alignmentFactors,
    count,
    ...size
  }: VizRepeaterRenderValueProps<FieldDisplay, DisplayValueAlignmentFactors>) => {
    const { sparkline, display, getLinks, hasLinks } = value;
    const draw = (menu: { openMenu?: MouseEventHandler<HTMLElement>; targetClassName?: string }) => (
      <BigValue
        value={display}
        count={count}
        sparkline={sparkline && { ...sparkline, timeRange }}
        colorMode={options.colorMode}
        graphMode={options.graphMode}
        justifyMode={options.justifyMode}
        textMode={options.textMode}
        alignmentFactors={alignmentFactors}
        text={options.text}
        width={size.width}
        height={size.height}
        theme={config.theme2}
        disableWideLayout={!options.wideLayout}
        hasLinks={hasLinks}
        onClick={menu.openMenu}
        className={menu.targetClassName}
      />
    );
    return hasLinks && getLinks ? <DataLinksContextMenu links={getLinks}>{draw}</DataLinksContextMenu> : draw({});
  };
  return (
    <VizRepeater
      getValues={getValues}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={renderValue}
      width={width}
      height={height}
      source={data}
      itemSpacing={3}
      renderCounter={renderCounter}
      autoGrid
      orientation={options.orientation}
    />
  );
}

export const stat = new PanelPlugin<Options>(StatPanel as never).useFieldConfig().setPanelOptions((builder) => {
  addOptions(builder, {
    reduceOptions: { values: false, calcs: ["lastNotNull"], fields: "" },
    orientation: "auto",
    textMode: "auto",
    wideLayout: true,
    colorMode: "value",
    graphMode: "area",
    justifyMode: "auto",
  });
});
