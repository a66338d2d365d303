import {
  booleanOverrideProcessor,
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  type Field,
  FieldColorModeId,
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

const isAny = () => true;
const isNumber = (field: Field) => field.type === FieldType.number;
const noEditor = () => null;

interface PropertyOptions {
  readonly shouldApply?: (field: Field) => boolean;
  readonly defaultValue?: unknown;
  readonly settings?: object;
}

function toProperty(
  id: string,
  process: unknown,
  { shouldApply = isAny, defaultValue, settings = {} }: PropertyOptions = {},
): FieldConfigPropertyItem {
  const property: unknown = {
    id,
    path: id,
    name: id,
    editor: noEditor,
    override: noEditor,
    process,
    shouldApply,
    settings,
    defaultValue,
  };
  return property as FieldConfigPropertyItem;
}

const defaultThresholds = {
  mode: ThresholdsMode.Absolute,
  steps: [
    { value: -Infinity, color: "green" },
    { value: 80, color: "red" },
  ],
};

/**
 * The standard options of fields, which Grafana registers at its start: those that are not listed
 * have no effect.
 */
export function registerFieldOptions(): void {
  const editors = [
    "number",
    "text",
    "boolean",
    "select",
    "radio",
    "multi-select",
    "unit",
    "color",
    "fieldColor",
    "slider",
    "strings",
  ];
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

interface OptionsBuilder {
  readonly addCustomEditor: (property: never) => unknown;
}

/** Options of a panel, or its own ones of fields (`custom.*`), with the panel's defaults. */
export function addOptions(builder: OptionsBuilder, defaults: Readonly<Record<string, unknown>>): void {
  for (const [path, defaultValue] of Object.entries(defaults)) {
    const property = {
      id: path,
      path,
      name: path,
      editor: noEditor,
      override: noEditor,
      process: identityOverrideProcessor,
      shouldApply: isAny,
      defaultValue,
    };
    builder.addCustomEditor(property as never);
  }
}
