import { tools } from "../../src/mcp/tools.ts";
import type { Sent } from "./uninterrupted.ts";

/**
 * For each place of a request, parts of the door's grammar with how often each stands there. `%` in
 * a part is its number.
 */
export type Genes = Readonly<Record<string, readonly (readonly [part: string, times: number])[]>>;

/** A way in, with the grammar of what it takes. */
export interface Door {
  readonly name: string;
  /** By place. */
  readonly parts: Readonly<Record<string, readonly string[]>>;
  /** Where a search begins: every part is tried many times over beside each of them. */
  readonly bases: readonly Genes[];
  /** A request of these texts by place; its number makes it new to every cache. */
  readonly toRequest: (texts: Readonly<Record<string, string>>, number: number) => Sent;
  /** Bytes of its body, or of its path: a longer one is refused by its length alone. */
  readonly most: number;
}

/**
 * Each part beside each base, as often as fits; of a document's parts also as often as its tokens
 * allow.
 */
export function listFirstGenes({ bases, parts, most }: Door): readonly Genes[] {
  return bases.flatMap((base) =>
    Object.entries(parts).flatMap(([place, own]) =>
      own.map((part): Genes => {
        const fitting = Math.floor(most / Buffer.byteLength(JSON.stringify(part)));
        const count = ["definitions", "fields", "fragments"].includes(place)
          ? Math.min(fitting, Math.floor(900 / toTokens(part)))
          : fitting;
        return { ...base, [place]: [...(base[place] ?? []), [part, Math.max(1, count)]] };
      }),
    ),
  );
}

function toTokens(part: string): number {
  return part.match(/[\w%]+|[^\s\w%]/g)?.length ?? 1;
}

/** The request of these genes; where it is too long, with fewer of each part. */
export function toFittingRequest(door: Door, genes: Genes, number: number): Sent {
  const sent = door.toRequest(toTexts(door, genes), number);
  const isLong = Buffer.byteLength(sent.body ?? sent.path) > door.most;
  return isLong && isShrinkable(genes) ? toFittingRequest(door, toFewer(genes), number) : sent;
}

function isShrinkable(genes: Genes): boolean {
  return Object.values(genes).some((own) => own.some(([, times]) => times > 1));
}

function toFewer(genes: Genes): Genes {
  const shrink = (own: Genes[string]) =>
    own.map(([part, times]) => [part, Math.max(1, Math.floor(times * 0.8))] as const);
  return Object.fromEntries(Object.entries(genes).map(([place, own]) => [place, shrink(own)]));
}

/** Most characters of one place. */
const mostCharacters = 600_000;

function toTexts({ parts }: Door, genes: Genes): Record<string, string> {
  return Object.fromEntries(Object.keys(parts).map((place) => [place, toText(genes[place] ?? [])]));
}

function toText(genes: Genes[string]): string {
  let text = "";
  let number = 0;
  for (const [part, times] of genes) {
    for (let index = 0; index < times && text.length < mostCharacters; index += 1) {
      number += 1;
      text += part.replaceAll("%", String(number));
    }
  }
  return text;
}

const long = "x".repeat(1000);
const range = 'from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z"';

const graphqlParts = {
  space: ["\n", ",", "#\n", "\r", "\uFEFF", "# % comment\n"],
  definitions: ["$v%: Int ", '$v%: [String!] = ["a"] ', "@unknown% "],
  fields: [
    "__typename ",
    "name ",
    "unknown% ",
    `${long}% `,
    "containers { name } ",
    "containers(env: STAGIN%) { name } ",
    "containers { ...F1 } ",
    "...F% ",
    "... { __typename } ",
    "... on Container { name } ",
    "logs(names: $a) { lines { message } } ",
    `queueDepth(env: $c, ${range}) { time } `,
    `queueDepth(queues: $a, ${range}) { time } `,
    'containers { name @include(if: $v%) @skip(if: "a") } ',
    "a%: hosts { name cpuUtil } ",
    "a: containers { name } ",
    "a: hosts { name } ",
    "hosts(unknown%: 1) { name } ",
    "containers { deploy { containers { deploy { currentTag } } } } ",
    'logs(names: ["a", 1, {a: [%]}]) { lines { message } } ',
    `logs(name: """\n a\n  b % """) { lines { message } } `,
    `logs(tail: ${"9".repeat(300)}) { lines { message } } `,
    "__schema { types { name fields { name args { name } type { name ofType { name ofType { name } } } } } } ",
    "__schema { types { ...T } } ",
    '__type(name: "Query") { fields { type { fields { name type { name } } } } } ',
    'a%: __type(name: "Query") { fields { name description } } ',
    "{ a ",
    "} ",
  ],
  fragments: [
    "fragment F% on Query { __typename } ",
    "fragment F% on Container { name ...F1 ...F2 } ",
    "fragment F% on Query { containers { name status } ...F1 } ",
    "fragment T on __Type { name description fields(includeDeprecated: true) { name type { ...U } args { type { ...U } } } } ",
    "fragment U on __Type { name kind ofType { name kind ofType { name kind ofType { name } } } } ",
    "fragment G% on Unknown% { x } ",
    "query Q% { ...F1 } ",
    "mutation M% { unknown } ",
  ],
  variables: ['"v%": 1,', '"v%": "x",', '"unknown%": {},'],
  elements: ["1,", '"q%",', '"STAGIN",', "[],", "{},", `"${long}",`, "[[[[[[[[[[1]]]]]]]]]],", '"\\u0041\\n",'],
  extensions: ["{},", "[[[[1]]]],", '{"k%":1},'],
};

/** Those that `fields` may use. */
const variableTypes = { a: "[String!]", b: "Environment", c: "[Environment!]" };

function toGraphql(texts: Readonly<Record<string, string>>, number: number) {
  const {
    space = "",
    definitions = "",
    fields = "",
    fragments = "",
    variables = "",
    elements = "",
    extensions = "",
  } = texts;
  const used = Object.entries(variableTypes).flatMap(([name, type]) =>
    fields.includes(`$${name})`) || fields.includes(`$${name},`) ? `$${name}: ${type}` : [],
  );
  const defined = [...used, ...(definitions ? [definitions] : [])].join(" ");
  const query = `#${number}\n${space}query Q${defined && `(${defined})`} { ${fields || "__typename"} } ${fragments}`;
  const list = `[${elements.slice(0, -1)}]`;
  const own = Object.keys(variableTypes).map((name) =>
    fields.includes(`$${name})`) || fields.includes(`$${name},`) ? `,"${name}":${list}` : "",
  );
  return { query, variables: `{${variables}"z":1${own.join("")}}`, extensions: `{"x":[${extensions.slice(0, -1)}]}` };
}

const graphqlBases: readonly Genes[] = [
  {
    fields: [
      ["logs(names: $a) { lines { message } } ", 1],
      [`queueDepth(env: $c, ${range}) { time } `, 1],
    ],
  },
  { fields: [["unknown% ", 100]] },
  { fields: [["containers { ...F1 } ", 1]], fragments: [["fragment F% on Container { name ...F1 ...F2 } ", 2]] },
];
const [maxBody, mostUrl] = [65_536, 15_000];

function toGraphqlDoor(name: string, to: Sent["to"], headers: Sent["headers"] = {}): Door {
  return {
    name,
    parts: graphqlParts,
    bases: graphqlBases,
    most: maxBody,
    toRequest: (texts, number) => {
      const { query, variables, extensions } = toGraphql(texts, number);
      const body = `{"query":${JSON.stringify(query)},"operationName":"Q","variables":${variables},"extensions":${extensions}}`;
      return {
        to,
        method: "POST",
        path: "/graphql",
        headers: { accept: "application/graphql-response+json", ...headers },
        body,
      };
    },
  };
}

const json = {
  keys: ['"k%":1,', '"k%":{},', '"%":[],', '"container":["a"],', `"${long}%":1,`, '"name":1,'],
  values: ["1,", '"n%",', "{},", "[],", "[[[[1]]]],", '{"a%":1},', `"${long}",`, '"\\u0041",'],
};

const methods = ["tools/call", "tools/list", "initialize", "resources/read", "ping"];
const readingTools = tools.filter(({ isAction }) => !isAction).map(({ name }) => name);
const dimensions = ["queue", "source", "env", "role", "destination", "host", "container", "engine", "kind"];

/** A word of a list: several at once are none. */
function toFirst(text: string, words: readonly string[], usual: string): string {
  return words.find((word) => text.startsWith(word)) ?? (text === "" ? usual : text);
}

/**
 * Every way in that takes something from a client. `introspectOnly`: a token without any other
 * right.
 */
export function listDoors(introspectOnly: string): readonly Door[] {
  return [
    toGraphqlDoor("POST /graphql", "gateway"),
    toGraphqlDoor("POST /graphql with ops:introspect alone", "gateway", { authorization: `Bearer ${introspectOnly}` }),
    toGraphqlDoor("subscriptions", "gateway", { accept: "text/event-stream" }),
    toGraphqlDoor("POST /graphql of a fleet", "fleet"),
    {
      name: "GET /graphql",
      parts: graphqlParts,
      bases: graphqlBases,
      most: mostUrl,
      toRequest: (texts, number) => {
        const { query, variables, extensions } = toGraphql(texts, number);
        const path = `/graphql?query=${encodeURIComponent(query)}&variables=${encodeURIComponent(variables)}&extensions=${encodeURIComponent(extensions)}`;
        return { to: "gateway", method: "GET", path };
      },
    },
    {
      name: "MCP",
      bases: [{}, { method: [["initialize", 1]] }],
      most: maxBody,
      parts: {
        method: [...methods, long],
        tool: [...readingTools, long],
        ...json,
        meta: json.keys,
      },
      toRequest: ({ method = "", tool = "", keys = "", values = "", meta = "" }, number) => {
        const params = `{"name":${JSON.stringify(toFirst(tool, readingTools, "list_containers"))},"arguments":{${keys}"names":[${values.slice(0, -1)}]},"_meta":{${meta}"a":1},"protocolVersion":"2025-06-18","capabilities":{"experimental":{${keys}"a":{}}},"clientInfo":{"name":"a","version":"1","icons":[${values.slice(0, -1)}]}}`;
        const body = `{"jsonrpc":"2.0","id":${number},"method":${JSON.stringify(toFirst(method, methods, "tools/call"))},"params":${params}}`;
        const headers = { accept: "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18" };
        return { to: "gateway", method: "POST", path: "/mcp", headers, body };
      },
    },
    {
      name: "Grafana",
      bases: [{}],
      most: 524_288,
      parts: {
        route: ["/query", "/variable", "/tag-values", "/metric-payload-options", "/search"],
        names: ["containers,", "hosts|", "m%,", "a|", "up,", "\\\\.", " ", `${long},`],
        ...json,
        targets: [
          '{"refId":"A%","target":"containers"},',
          '{"refId":"B%","target":"queues,hosts","payload":"{\\"container\\":[1,2,3],\\"k%\\":{}}"},',
          `{"refId":"C%","target":"up","payload":{${dimensions.map((name) => `"${name}":"(a|b%|c\\\\.d)"`).join()}}},`,
          `{"target":"containers","payload":{"container":"(${"a|".repeat(990)}b)"}},`,
          '{"target":["a%","b","c"]},',
          "1,",
        ],
        filters: [
          '{"key":"container","operator":"=~","value":"(.*a.{150}%)*"},',
          `{"key":"queue","operator":"=~","value":"(?i)[${"B-\u{1E942}".repeat(47)}]%"},`,
          `{"key":"container","operator":"!~","value":"(?i)[${"\\\\PL".repeat(9)}]%"},`,
          '{"key":"env","operator":"=|","values":["a","b%"]},',
          '{"key":"x%"},',
        ],
      },
      toRequest: ({ route = "", names = "", keys = "", values = "", targets = "", filters = "" }, number) => {
        const own = `{"refId":"N${number}","target":"${names}","payload":{${keys}"container":[${values.slice(0, -1)}]}}`;
        const payload = `{${keys}"target":"container"}`;
        const body = `{"targets":[${targets}${own}],"filters":[${filters.slice(0, -1)}],"payload":${payload},"key":"container","name":"container"}`;
        const path = `/grafana/${route.split("/")[1] ?? "query"}`;
        return { to: "gateway", method: "POST", path, body };
      },
    },
    {
      name: "REST",
      bases: [{}],
      most: mostUrl,
      parts: {
        path: ["/containers", "/queues", "/hosts", "/containers/web-0/logs", "/%2e", "/%41", "/a"],
        query: [
          "a=1&",
          "env=staging&",
          "search=a%25&",
          `search_regex=${encodeURIComponent("(.*a.{90})*")}&`,
          `search_regex=${encodeURIComponent(`(?i)[${"B-\u{1E942}".repeat(48)}]`)}&`,
          `search_regex=${encodeURIComponent(`(?i)[^${"\\PL".repeat(9)}]`)}&`,
          "%41%42=&",
          "&",
          "+",
          "tail=9&",
          `since=${"9".repeat(50)}&`,
        ],
      },
      toRequest: ({ path = "", query = "" }, number) => {
        const whole = `/api/v1/admin/ops${path || "/containers"}?n=${number}&${query}`;
        return { to: "gateway", method: "GET", path: whole };
      },
    },
    {
      name: "sign-in",
      bases: [{}],
      most: 16_384,
      parts: json,
      toRequest: ({ keys = "", values = "" }, number) => {
        const body = `{${keys}"code":[${values.slice(0, -1)}],"verifier":"${number}","redirectUri":{${keys}"a":1}}`;
        return { to: "gateway", method: "POST", path: "/console/sign-in", body };
      },
    },
  ];
}
