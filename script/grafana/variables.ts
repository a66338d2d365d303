import { infinity } from "./datasources.ts";
import { environments } from "./fields.ts";
import type { Variable } from "./model.ts";
import { by, graphql } from "./targets.ts";

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

/**
 * Where people open the console, for links to it: a file of Grafana's cannot know it. The address
 * of docker-compose.yml, unless `npm run dashboards` is given another one.
 */
export function toConsole(url = "http://127.0.0.1:4000"): Variable {
  return {
    name: "console",
    type: "constant",
    query: url,
    hide: 2,
    skipUrlSync: true,
    current: { text: url, value: url },
    options: [{ text: url, value: url, selected: true }],
  };
}

interface NameVariable {
  readonly name: string;
  readonly label: string;
  readonly query: string;
  /** GJSON path of the rows, and the field with the name. */
  readonly root: string;
  readonly field: string;
  readonly multi?: boolean;
}

/** Any number of names, or one, as the gateway knows them now in the chosen environment. */
function names({ name, label, query, root, field, multi = true }: NameVariable): Variable {
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
    multi,
    hide: 0,
    skipUrlSync: false,
    current: multi ? { text: ["All"], value: ["$__all"] } : { text: "All", value: "$__all" },
    options: [],
  };
}

/**
 * Kamal's; on every dashboard. Those of the containers: without a destination nothing is offered.
 */
export const destination = names({
  name: "destination",
  label: "Destination",
  query: `{ containers(${by.env}) { destination } }`,
  root: 'data.containers.#(destination%"*")#',
  field: "destination",
  multi: false,
});

export const queue = names({
  name: "queue",
  label: "Queue",
  query: `{ queues(${by.env}) { name } }`,
  root: "data.queues",
  field: "name",
});

/** Machines have no environment. */
export const host = names({
  name: "host",
  label: "Host",
  query: "{ hosts { name } }",
  root: "data.hosts",
  field: "name",
});

export const engine = names({
  name: "engine",
  label: "Engine",
  query: `{ engines(${by.env}) { name } }`,
  root: "data.engines",
  field: "name",
});

export const role = names({
  name: "role",
  label: "Role",
  query: `{ containers(${by.place}) { role } }`,
  root: "data.containers",
  field: "role",
});

export const container = names({
  name: "container",
  label: "Container",
  query: `{ containers(${by.place}) { name } }`,
  root: "data.containers",
  field: "name",
});
