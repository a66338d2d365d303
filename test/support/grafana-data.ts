import { createRequire } from "node:module";
import type * as Grafana from "../../script/grafana/draw/page/data.ts";

/**
 * Grafana's own code, of the packages of the page that draws its panels. Its ES modules import
 * names that CommonJS packages do not give to Node; its CommonJS build is the same code.
 */
export const {
  createTheme,
  FieldType,
  getDisplayProcessor,
  standardTransformers,
  standardTransformersRegistry,
  toDataFrame,
  transformDataFrame,
} = createRequire(new URL("../../script/grafana/draw/page/", import.meta.url))("@grafana/data") as typeof Grafana;

export type DataFrame = Grafana.DataFrame;
