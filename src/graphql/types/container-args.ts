import type { Builder } from "../builder.ts";
import type { Scalars } from "./scalars.ts";

type Arg = Parameters<Parameters<Builder["subscriptionField"]>[1]>[0]["arg"];

/** Arguments of the fields that answer several containers. */
export function toContainerArgs(arg: Arg, scalars: Scalars) {
  return {
    env: arg({
      type: scalars.environment,
      description:
        "Only this environment; forbidden when the token does not list it. A token of every environment also gets containers of an unknown one that seem to belong here.",
    }),
    ...toPlaceArgs(arg),
  };
}

/** Where containers are looked for. */
export function toPlaceArgs(arg: Arg) {
  return {
    includeAccessories: arg.boolean({
      defaultValue: false,
      required: true,
      description:
        "Also what runs beside the product: redis, prometheus, the proxy ...; for tokens of every environment also containers that are not of it.",
    }),
    engine: arg.string({ description: "Only this engine, by its configured name." }),
  };
}
