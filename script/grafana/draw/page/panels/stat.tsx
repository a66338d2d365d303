import {
  type DisplayValueAlignmentFactors,
  type FieldDisplay,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  PanelPlugin,
  type PanelProps,
} from "@grafana/data";
import { config } from "@grafana/runtime";
import type { BigValueColorMode, BigValueGraphMode, BigValueJustifyMode, BigValueTextMode, VizOrientation } from "@grafana/schema";
import { BigValue, DataLinksContextMenu, VizRepeater, type VizRepeaterRenderValueProps } from "@grafana/ui";

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

function StatPanel({ data, options, fieldConfig, replaceVariables, timeRange, timeZone, width, height, renderCounter }: PanelProps<Options>) {
  const getValues = (): FieldDisplay[] => {
    const values = getFieldDisplayValues({
      fieldConfig,
      reduceOptions: options.reduceOptions,
      replaceVariables,
      theme: config.theme2,
      data: data.series,
      sparkline: options.graphMode !== "none",
      timeZone,
    });
    return values;
  };
  const renderValue = ({ value, alignmentFactors, count, ...size }: VizRepeaterRenderValueProps<FieldDisplay, DisplayValueAlignmentFactors>) => {
    const { sparkline, display, field, getLinks, hasLinks } = value;
    const draw = (menu: { openMenu?: object; targetClassName?: string }) => (
      <BigValue
        value={display}
        count={count}
        {...(sparkline && {
          sparkline: { ...sparkline, timeRange, ...(field.min !== undefined && { yMin: field.min }) } as never,
        })}
        colorMode={options.colorMode}
        graphMode={options.graphMode}
        justifyMode={options.justifyMode}
        textMode={options.textMode}
        alignmentFactors={alignmentFactors}
        {...(options.text && { text: options.text })}
        width={size.width}
        height={size.height}
        theme={config.theme2}
        wideLayout={options.wideLayout}
        {...(menu.openMenu && { onClick: menu.openMenu as never })}
        {...(menu.targetClassName && { className: menu.targetClassName })}
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
  const defaults = {
    reduceOptions: { values: false, calcs: ["lastNotNull"], fields: "" },
    orientation: "auto",
    textMode: "auto",
    wideLayout: true,
    colorMode: "value",
    graphMode: "area",
    justifyMode: "auto",
  };
  for (const [path, defaultValue] of Object.entries(defaults)) {
    builder.addCustomEditor({ id: path, path, name: path, editor: () => null, defaultValue } as never);
  }
});
