import {
  booleanOverrideProcessor,
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  type Field,
  FieldColorModeId,
  type FieldConfigEditorBuilder,
  type FieldConfigPropertyItem,
  FieldType,
  identityOverrideProcessor,
  numberOverrideProcessor,
  standardEditorsRegistry,
  standardFieldConfigEditorRegistry,
  stringOverrideProcessor,
  ThresholdsMode,
  thresholdsOverrideProcessor,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from "@grafana/data";

type Processor = FieldConfigPropertyItem["process"];

const isNumber = (field: Field) => field.type === FieldType.number;
const isAny = () => true;
const noEditor = () => null;

function toProperty(
  id: string,
  process: unknown,
  { shouldApply = isAny as (field: Field) => boolean, defaultValue = undefined as unknown, settings = {} as object } = {},
): FieldConfigPropertyItem {
  return {
    id,
    path: id,
    name: id,
    editor: noEditor,
    override: noEditor,
    process: process as Processor,
    shouldApply,
    settings,
    ...(defaultValue !== undefined && { defaultValue }),
  } as unknown as FieldConfigPropertyItem;
}

const defaultThresholds = {
  mode: ThresholdsMode.Absolute,
  steps: [
    { value: -Infinity, color: "green" },
    { value: 80, color: "red" },
  ],
};

/** The standard options of fields, which Grafana registers at its start: those that are not listed have no effect. */
export function registerFieldOptions(): void {
  const editors = ["number", "text", "boolean", "select", "radio", "multi-select", "unit", "color", "fieldColor", "slider", "strings"];
  standardEditorsRegistry.setInit(() => editors.map((id) => ({ id, name: id, editor: noEditor }) as never));
  standardFieldConfigEditorRegistry.setInit(() => [
    toProperty("displayName", displayNameOverrideProcessor, { settings: { expandTemplateVars: true } }),
    toProperty("unit", unitOverrideProcessor),
    toProperty("min", numberOverrideProcessor, { shouldApply: isNumber }),
    toProperty("max", numberOverrideProcessor, { shouldApply: isNumber }),
    toProperty("fieldMinMax", booleanOverrideProcessor, { shouldApply: isNumber }),
    toProperty("decimals", numberOverrideProcessor, { shouldApply: isNumber }),
    toProperty("noValue", stringOverrideProcessor),
    toProperty("color", identityOverrideProcessor, { defaultValue: { mode: FieldColorModeId.Thresholds } }),
    toProperty("thresholds", thresholdsOverrideProcessor, { defaultValue: defaultThresholds }),
    toProperty("mappings", valueMappingsOverrideProcessor, { defaultValue: [] }),
    toProperty("links", dataLinksOverrideProcessor),
    toProperty("filterable", booleanOverrideProcessor),
  ]);
}

/** A panel's own options of fields (`custom.*`), with the defaults of the panel. */
export function addOptions(builder: FieldConfigEditorBuilder<object>, defaults: Readonly<Record<string, unknown>>): void {
  for (const [path, defaultValue] of Object.entries(defaults)) {
    builder.addCustomEditor({
      id: path,
      path,
      name: path,
      editor: noEditor,
      override: noEditor,
      process: identityOverrideProcessor,
      shouldApply: isAny,
      ...(defaultValue !== undefined && { defaultValue }),
    } as never);
  }
}
