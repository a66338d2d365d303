import type { Dashboard, Panel, Target } from "../../script/grafana/model.ts";

/** The panels, without the headings of rows. */
export function panelsOf({ panels }: Dashboard): readonly Panel[] {
  return panels.filter(({ type }) => type !== "row");
}

export function targetsOf({ targets = [] }: Pick<Panel, "targets">): readonly Target[] {
  return targets;
}

/** Every query that a dashboard sends: of panels, variables and annotations. */
export function queriesOf(dashboard: Dashboard): Target[] {
  const variables = dashboard.templating.list
    .map((one) => one["query"] as { infinityQuery?: Target })
    .map((query) => query.infinityQuery);
  const annotations = dashboard.annotations.list.map((one) => one["target"] as Target | undefined);
  return [...panelsOf(dashboard).flatMap(targetsOf), ...variables, ...annotations].filter((one) => one !== undefined);
}

/** The text of a query to /graphql; undefined for another one. */
export function graphqlOf(target: Target): string | undefined {
  return (target["url_options"] as { body_graphql_query: string } | undefined)?.body_graphql_query;
}

/** The PromQL of a query; "" for another one. */
export function exprOf({ expr }: Target): string {
  return typeof expr === "string" ? expr : "";
}

/** The columns of Infinity's query, by type. */
export function columnsOf(target: Target, type: string): string[] {
  const columns = (target["columns"] ?? []) as readonly { readonly text: string; readonly type: string }[];
  return columns.filter((one) => one.type === type).map(({ text }) => text);
}

/** What an override says of each name. */
export function overridesOf({ fieldConfig }: Panel): ReadonlyMap<string, Readonly<Record<string, any>>> {
  const overrides = (fieldConfig?.overrides ?? []) as readonly {
    readonly matcher: { readonly options: string };
    readonly properties: readonly { readonly id: string; readonly value: unknown }[];
  }[];
  return new Map(
    overrides.map(({ matcher, properties }) => [
      matcher.options,
      Object.fromEntries(properties.map(({ id, value }) => [id, value])),
    ]),
  );
}
