/** One field of the query builder. */
interface Payload {
  readonly name: string;
  readonly label: string;
  readonly type: "select" | "multi-select";
  readonly placeholder: string;
  /** Whether it is a dimension of that name; then its options are the values that there are now. */
  readonly isDimension: boolean;
  readonly options?: readonly { readonly value: string; readonly label: string }[];
}

const many = { type: "multi-select", placeholder: "All", isDimension: true } as const;

/** Every field of the query builder; a metric names those that it has. */
export const payloads = [
  { name: "queue", label: "Queue", ...many },
  { name: "source", label: "Queue source", ...many },
  { name: "env", label: "Environment", ...many },
  { name: "role", label: "Role", ...many },
  { name: "destination", label: "Destination", ...many },
  { name: "host", label: "Host", ...many },
  { name: "container", label: "Container", ...many },
  { name: "engine", label: "Engine", ...many },
  { name: "kind", label: "Kind", ...many },
  {
    name: "accessories",
    label: "Accessories",
    type: "select",
    placeholder: "false",
    isDimension: false,
    options: [
      { value: "false", label: "Only the product" },
      { value: "true", label: "Also what runs beside it" },
    ],
  },
  {
    name: "step",
    label: "Step",
    type: "select",
    placeholder: "As the panel",
    isDimension: false,
    options: [
      ["15", "15 s"],
      ["30", "30 s"],
      ["60", "1 min"],
      ["300", "5 min"],
      ["900", "15 min"],
      ["3600", "1 h"],
      ["86400", "1 d"],
    ].map(([value = "", label = ""]) => ({ value, label })),
  },
] as const satisfies readonly Payload[];

export type PayloadName = (typeof payloads)[number]["name"];

/** A field as the plugin reads it. Options are always asked for: it shows a chosen one by its label only then. */
export function toPayload(name: PayloadName): object {
  const { label, type, placeholder } = payloads.find((payload) => payload.name === name) as Payload;
  return { name, label, type, placeholder, width: 30, reloadMetric: false };
}
