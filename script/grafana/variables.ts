import { infinity } from "./datasources.ts";
import { environments } from "./fields.ts";
import type { Variable } from "./model.ts";
import { graphql } from "./targets.ts";

/** What "All" is in a query: a null argument, which filters nothing. */
const allValue = "null";

/** The environment; on every dashboard, so that links between them keep it. */
export const environment: Variable = {
  name: "env",
  label: "Environment",
  type: "custom",
  query: Object.keys(environments)
    .map((name) => `${name.toLowerCase()} : ${name}`)
    .join(","),
  includeAll: true,
  allValue,
  multi: false,
  hide: 0,
  skipUrlSync: false,
  current: { text: "All", value: "$__all" },
  options: [
    { text: "All", value: "$__all", selected: true },
    ...Object.keys(environments).map((name) => ({ text: name.toLowerCase(), value: name, selected: false })),
  ],
};

interface NameVariable {
  readonly name: string;
  readonly label: string;
  readonly query: string;
  /** GJSON path of the rows, and the field with the name. */
  readonly root: string;
  readonly field: string;
}

/** Any number of names, as the gateway knows them now. */
function names({ name, label, query, root, field }: NameVariable): Variable {
  const { datasource: _datasource, ...infinityQuery } = graphql({
    refId: "variable",
    query,
    root,
    columns: { [field]: "string" },
  });
  return {
    name,
    label,
    type: "query",
    datasource: infinity,
    query: { refId: "variable", queryType: "infinity", query: "", infinityQuery },
    refresh: 2,
    regex: "",
    sort: 1,
    includeAll: true,
    allValue,
    multi: true,
    hide: 0,
    skipUrlSync: false,
    current: { text: ["All"], value: ["$__all"] },
    options: [],
  };
}

export const queue = names({ name: "queue", label: "Queue", query: "{ queues { name } }", root: "data.queues", field: "name" });
export const host = names({ name: "host", label: "Host", query: "{ hosts { name } }", root: "data.hosts", field: "name" });

export const role = names({
  name: "role",
  label: "Role",
  query: "{ containers { role } }",
  root: "data.containers",
  field: "role",
});

export const container = names({
  name: "container",
  label: "Container",
  query: "{ containers { name } }",
  root: "data.containers",
  field: "name",
});
