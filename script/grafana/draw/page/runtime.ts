import {
  createTheme,
  type DataQueryError,
  type DataQueryRequest,
  type DataQueryResponse,
  type DataSourceApi,
  EventBusSrv,
  LoadingState,
  type PanelData,
  type ScopedVars,
  standardTransformers,
  standardTransformersRegistry,
  toDataFrame,
} from "@grafana/data";
import { initPluginTranslations } from "@grafana/i18n";
import {
  type BackendSrv,
  type BackendSrvRequest,
  config,
  type DataSourceSrv,
  setAppEvents,
  setBackendSrv,
  setDataSourceSrv,
  setPluginImportUtils,
  setRunRequest,
  setTemplateSrv,
  toDataQueryError,
} from "@grafana/runtime";
import { sceneGraph, type SceneObject } from "@grafana/scenes";
import { catchError, from, map, type Observable, of, startWith } from "rxjs";

/** What Grafana's start-up gives to its packages, as far as dashboards use it. */
export async function setUpRuntime(isDark: boolean): Promise<void> {
  config.theme2 = createTheme({ colors: { mode: isDark ? "dark" : "light" } });
  config.bootData.user.theme = isDark ? "dark" : "light";
  await initPluginTranslations("wallet-core-ops");
  setAppEvents(new EventBusSrv());
  setTemplateSrv(templates);
  setBackendSrv({ fetch: fetchBackend } as unknown as BackendSrv);
  setRunRequest(runRequest);
  setPluginImportUtils({
    importPanelPlugin: (id) => Promise.reject(new Error(`Panel plugin not found: ${id}`)),
    getPanelPluginFromCache: () => undefined,
  });
  // Some are in the list under two names.
  const transformers = new Map(Object.values(standardTransformers).map((one) => [one.id, one]));
  standardTransformersRegistry.setInit(
    () =>
      [...transformers.values()].map((one) => ({
        id: one.id,
        name: one.name,
        transformation: async () => one,
      })) as never,
  );
}

/** Grafana's settings of the datasources, for the packages that look there. */
export function setDatasources(datasources: readonly DataSourceApi[]): void {
  const find = (ref: unknown) => {
    const uid = typeof ref === "object" && ref !== null ? (ref as { uid?: string }).uid : ref;
    const found = datasources.find((one) => one.uid === uid);
    if (!found) throw new Error(`Datasource ${String(uid)} was not found`);
    return found;
  };
  setDataSourceSrv({
    get: async (ref: unknown) => find(ref),
    getInstanceSettings: (ref: unknown) => {
      const { uid, type, name, id, meta } = find(ref);
      return { uid, type, name, id, meta, jsonData: {}, readOnly: true, access: "proxy" };
    },
    getList: () => [],
  } as unknown as DataSourceSrv);
}

/** As Grafana's own does, by the scene that asks. */
const templates = {
  replace: (text?: string, scopedVars?: ScopedVars, format?: string | Function) =>
    sceneGraph.interpolate(sceneOf(scopedVars), text, scopedVars, format as never),
  getVariables: () => [],
  containsTemplate: () => false,
  updateTimeRange: () => {},
};

/** The object of the scene that a request is for. */
export function sceneOf(scopedVars: ScopedVars | undefined): SceneObject {
  const found = scopedVars?.["__sceneObject"]?.value as { valueOf(): SceneObject } | undefined;
  if (!found) throw new Error("the request is of no scene");
  return found.valueOf();
}

function fetchBackend({ url, method = "GET", data, headers }: BackendSrvRequest): Observable<unknown> {
  return from(
    fetch(url, {
      method,
      headers: { ...headers, "content-type": "application/json" },
      ...(data !== undefined && { body: JSON.stringify(data) }),
    }).then(async (response) => {
      const text = await response.text();
      let body: unknown = { message: text };
      try {
        body = JSON.parse(text);
      } catch {
        // Grafana shows such a text as it is.
      }
      const { status, statusText, ok } = response;
      if (!ok) throw Object.assign(new Error(statusText), { status, statusText, data: body });
      return { status, statusText, ok, data: body, url, config: { url } };
    }),
  );
}

/** Asks a datasource and gives first that it loads, then its frames or its error. */
function runRequest(
  datasource: DataSourceApi,
  request: DataQueryRequest,
  queryFunction?: Function,
): Observable<PanelData> {
  const start: PanelData = { state: LoadingState.Loading, series: [], timeRange: request.range, request };
  const toFailed = (errors: DataQueryError[]): PanelData => ({
    ...start,
    state: LoadingState.Error,
    error: errors[0],
    errors,
  });
  const answer = (queryFunction ? queryFunction(request) : datasource.query(request)) as Observable<DataQueryResponse>;
  return from(answer).pipe(
    map(({ data, errors = [] }) =>
      errors.length > 0
        ? toFailed(errors)
        : { ...start, state: LoadingState.Done, series: data.map((one: object) => toDataFrame(one)) },
    ),
    catchError((error: unknown) => of(toFailed([toDataQueryError(error)]))),
    startWith(start),
  );
}
