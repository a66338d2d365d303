import {
  type DataQuery,
  type DataQueryRequest,
  type DataQueryResponse,
  DataSourceApi,
  type DataSourceInstanceSettings,
  type MetricFindValue,
  type ScopedVars,
  toDataFrame,
} from "@grafana/data";
import { DataSourceWithBackend, getBackendSrv, getTemplateSrv } from "@grafana/runtime";
import { sceneGraph, sceneUtils } from "@grafana/scenes";
import { lastValueFrom } from "rxjs";
import { grafana, infinity, json, prometheus } from "../../datasources.ts";
import { sceneOf, setDatasources } from "./runtime.ts";

type Query = DataQuery & Record<string, unknown>;

function toSettings({ type, uid }: { readonly type: string; readonly uid: string }): DataSourceInstanceSettings {
  return {
    id: 1,
    uid,
    type,
    name: uid,
    access: "proxy",
    readOnly: true,
    jsonData: {},
    meta: { id: type, name: type, type: "datasource", module: "", baseUrl: "", info: {} },
  } as unknown as DataSourceInstanceSettings;
}

/** Every text within a query, with its variables filled in. */
function fillIn<T>(query: T, scopedVars: ScopedVars): T {
  if (typeof query === "string") return getTemplateSrv().replace(query, scopedVars) as T;
  if (Array.isArray(query)) return query.map((one: unknown) => fillIn(one, scopedVars)) as T;
  if (typeof query !== "object" || query === null) return query;
  return Object.fromEntries(
    Object.entries(query).map(([key, value]) => [key, fillIn(value as unknown, scopedVars)]),
  ) as T;
}

/** Infinity: its front end fills in variables; its Go part asks. */
class InfinityDatasource extends DataSourceWithBackend<Query> {
  override annotations = {};

  override applyTemplateVariables(query: Query, scopedVars: ScopedVars): Query {
    const { url_options, root_selector, computed_columns, filterExpression } = query;
    return { ...query, ...fillIn({ url_options, root_selector, computed_columns, filterExpression }, scopedVars) };
  }

  override async metricFindQuery(
    { infinityQuery }: { infinityQuery: Query },
    request: DataQueryRequest<Query>,
  ): Promise<MetricFindValue[]> {
    const query = { ...infinityQuery, datasource: this.getRef() };
    const { data, errors } = await lastValueFrom(this.query({ ...request, targets: [query] }));
    if (errors?.[0]) throw new Error(errors[0].message);
    const [field] = data[0] ? toDataFrame(data[0]).fields : [];
    return (field?.values ?? []).map((value: string) => ({ text: value, value }));
  }
}

/**
 * Prometheus' front end: expressions with variables filled in, but not the interval's, which the
 * server knows.
 */
class PrometheusDatasource extends DataSourceWithBackend<Query> {
  override annotations = {};
  override interval = "15s";

  override applyTemplateVariables(query: Query, scopedVars: ScopedVars): Query {
    const { __interval, __interval_ms, ...others } = scopedVars;
    return { ...query, ...fillIn({ expr: query["expr"] }, others) };
  }
}

/**
 * The JSON datasource (simPod): it runs in the browser, with one request for all targets of a
 * panel.
 */
class JsonDatasource extends DataSourceApi<Query> {
  override annotations = {};

  override async query({ targets, scopedVars, ...request }: DataQueryRequest<Query>): Promise<DataQueryResponse> {
    const filled = targets.map(({ payload, ...target }) => ({
      ...target,
      target: getTemplateSrv().replace(String(target["target"]), scopedVars, "regex"),
      payload: parsePayload(getTemplateSrv().replace(payload as string, scopedVars)),
    }));
    const url = `/api/datasources/proxy/uid/${this.uid}/query`;
    const body = { ...request, targets: filled, scopedVars: toVars(scopedVars) };
    const { data } = await lastValueFrom(getBackendSrv().fetch<object[]>({ url, method: "POST", data: body }));
    return { data: data.map((item) => toDataFrame(item)) };
  }

  override testDatasource = async () => ({ status: "success", message: "" });
}

/** The plugin sends an empty payload in place of broken JSON, and says nothing. */
function parsePayload(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** With every variable of the dashboard. */
function toVars(scopedVars: ScopedVars): ScopedVars {
  const { __sceneObject, ...others } = scopedVars;
  const { variables } = sceneGraph.getVariables(sceneOf(scopedVars)).state;
  const own = variables.map((one) => [
    one.state.name,
    { text: getText(one), value: one.getValue() as unknown, selected: false },
  ]);
  return { ...(Object.fromEntries(own) as ScopedVars), ...others };
}

function getText(variable: { getValueText?: () => string }): string {
  return variable.getValueText?.() ?? "";
}

/** Grafana's own annotations: alerts and comments that its database has. Here it has none. */
class GrafanaDatasource extends DataSourceApi<Query> {
  override annotations = {};
  override query = async () => ({ data: [] });
  override testDatasource = async () => ({ status: "success", message: "" });
}

export function registerDatasources(): void {
  const all = [
    new InfinityDatasource(toSettings(infinity)),
    new JsonDatasource(toSettings(json)),
    new PrometheusDatasource(toSettings(prometheus)),
    new GrafanaDatasource(toSettings(grafana)),
  ];
  setDatasources(all as never);
  for (const one of all) sceneUtils.registerRuntimeDataSource({ dataSource: one as never });
}
