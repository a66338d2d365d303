import type { Builder } from "../builder.ts";
import type { Scalars } from "./scalars.ts";

type Arg = Parameters<Parameters<Builder["subscriptionField"]>[1]>[0]["arg"];

/** Arguments of the fields that answer several containers. */
export function toContainerArgs(arg: Arg, scalars: Scalars) {
  return {
    env: arg({ type: scalars.environment, description: "Only this environment; forbidden when the token does not list it." }),
    ...toPlaceArgs(arg),
  };
}

/** Where containers are looked for. */
export function toPlaceArgs(arg: Arg) {
  return {
    includeAccessories: arg.boolean({
      defaultValue: false,
      required: true,
      description: "Also what Kamal runs beside the service: redis, prometheus, the proxy ...",
    }),
    engine: arg.string({ description: "Only this engine, by its configured name." }),
  };
}
