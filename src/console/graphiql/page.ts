import { hash } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { EdgeReply, PublicPage, PublicRequest } from "../../http/surface.ts";
import { clientScript } from "./client-script.ts";

const common = ["X-Content-Type-Options", "nosniff", "Referrer-Policy", "no-referrer"];
const isolation = ["Cross-Origin-Opener-Policy", "same-origin", "Cross-Origin-Resource-Policy", "same-origin"];

/**
 * Policies of Trusted Types that may be created: those of the Monaco editor, which writes its own
 * markup, that of its sanitiser, and two of our script. Of these `default` cleans all other markup.
 */
const policies =
  "defaultWorkerFactory tokenizeToString standaloneColorizer editorViewLayer domLineBreaksComputer diffReview " +
  "diffEditorWidget editorGhostText stickyScrollViewLayer dompurify inert default";

/**
 * Scripts and requests: only this origin. Styles: the Monaco editor writes style elements, so
 * inline ones must be allowed.
 */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "connect-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self' data:",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  `trusted-types ${policies}`,
].join("; ");

const pageHeaders = [...common, ...isolation, "Cache-Control", "no-cache", "Content-Security-Policy", pagePolicy];
const assetHeaders = [...common, ...isolation, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"];
const cacheableHeaders = [...assetHeaders, "Cache-Control", "public, max-age=31536000, immutable"];
const freshHeaders = [...assetHeaders, "Cache-Control", "no-cache"];

/**
 * The GraphiQL console: at `path` for a browser that navigates there (not for a GraphQL query by
 * GET, which has a `query` parameter), and its files below `<path>/console/`. Everything is static;
 * the data it shows is fetched with the visitor's token.
 */
export function createGraphiqlPages(path = "/graphql"): PublicPage[] {
  let assets: ReturnType<typeof loadAssets> | undefined;
  const load = () => (assets ??= loadAssets());

  const page: PublicPage = {
    path,
    accepts: ({ headers, query }) =>
      (headers.accept ?? "").includes("text/html") && !new URLSearchParams(query).has("query"),
    async reply() {
      const loaded = await load();
      const body = renderConsole((name) => `${path}/console/${name}?v=${loaded[name].version}`);
      return {
        status: 200,
        headers: { "Content-Type": "text/html; charset=utf-8" },
        body,
        route: path,
        policy: pageHeaders,
      };
    },
  };
  const files = assetNames.map((name): PublicPage => {
    const route = `${path}/console/${name}`;
    const reply = async (request: PublicRequest) => toReply((await load())[name], request, route);
    return { path: route, isLarge: true, accepts: () => true, reply };
  });
  return [page, ...files];
}

async function toReply(asset: Asset, { headers, query }: PublicRequest, route: string): Promise<EdgeReply> {
  const zipped = /\bgzip\b/.test(headers["accept-encoding"] ?? "");
  return {
    status: 200,
    headers: { "Content-Type": asset.type, Vary: "Accept-Encoding", ...(zipped && { "Content-Encoding": "gzip" }) },
    body: zipped ? await asset.gzipped() : asset.plain,
    route,
    policy: query === `v=${asset.version}` ? cacheableHeaders : freshHeaders,
  };
}

interface Asset {
  readonly type: string;
  /**
   * Start of the SHA-256 of its content. It is in the address, so that browsers may cache it for
   * ever.
   */
  readonly version: string;
  /** One Buffer that all connections share; text would be copied for each. */
  readonly plain: Buffer;
  /** The compressed Buffer, created on first use. */
  gzipped(): Promise<Buffer>;
}

const assetNames = [
  "graphiql.js",
  "graphiql.css",
  "editor.worker.js",
  "json.worker.js",
  "graphql.worker.js",
  "console.js",
  "console.css",
] as const;
type AssetName = (typeof assetNames)[number];

const compress = promisify(gzip);

/**
 * GraphiQL as published with Yoga, and our page around it. 9 MB, so it is loaded for the first
 * visitor, not at start.
 */
async function loadAssets(): Promise<Readonly<Record<AssetName, Asset>>> {
  const graphiql = await import("@graphql-yoga/render-graphiql/graphiql");
  return {
    "graphiql.js": createAsset(graphiql.js, "text/javascript; charset=utf-8"),
    "graphiql.css": createAsset(graphiql.css, "text/css; charset=utf-8"),
    "editor.worker.js": createAsset(graphiql.editorWorkerService, "text/javascript; charset=utf-8"),
    "json.worker.js": createAsset(graphiql.jsonWorker, "text/javascript; charset=utf-8"),
    "graphql.worker.js": createAsset(graphiql.graphqlWorker, "text/javascript; charset=utf-8"),
    "console.js": createAsset(clientScript, "text/javascript; charset=utf-8"),
    "console.css": createAsset(consoleCss, "text/css; charset=utf-8"),
  };
}

function createAsset(text: string, type: string): Asset {
  const plain = Buffer.from(text);
  let gzipped: Promise<Buffer> | undefined;
  return {
    type,
    plain,
    version: hash("sha256", plain, "hex").slice(0, 16),
    gzipped: () => (gzipped ??= compress(plain)),
  };
}

/** Address of an asset with its version, as in the page. */
type Link = (name: AssetName) => string;

/**
 * The page around GraphiQL: no inline script, no inline style, nothing from other origins. The
 * token never leaves this tab.
 */
function renderConsole(link: Link): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>wallet-core-ops</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${link("graphiql.css")}">
<link rel="stylesheet" href="${link("console.css")}">
</head>
<body>
<form id="token-form" autocomplete="off">
<label for="token">Token</label>
<input id="token" type="password" placeholder="paste a bearer token" autocomplete="off" spellcheck="false" required>
<button type="submit">Use</button>
<button type="button" id="forget">Forget</button>
<output id="message" for="token" role="status">Enter a token to begin. It stays in this tab.</output>
</form>
<main id="root"></main>
<noscript>The console needs JavaScript.</noscript>
<script src="${link("graphiql.js")}" defer></script>
<script src="${link("console.js")}" defer data-json-worker="${link("json.worker.js")}" data-graphql-worker="${link("graphql.worker.js")}" data-editor-worker="${link("editor.worker.js")}"></script>
</body>
</html>
`;
}

const consoleCss = `html, body { height: 100%; margin: 0; }
body { display: flex; flex-direction: column; font: 14px/1.4 system-ui, sans-serif; }
#token-form { display: flex; gap: 8px; align-items: center; padding: 8px 12px; background: #1b2433; color: #e8edf5; }
#token { flex: 0 1 28em; min-width: 8em; padding: 4px 8px; border: 1px solid #52617a; border-radius: 4px; background: #fff; color: #111; }
#token-form button { padding: 4px 10px; border: 1px solid #52617a; border-radius: 4px; background: #2d3b52; color: inherit; cursor: pointer; }
#message[data-state="bad"] { color: #ffb3a7; font-weight: 600; }
#message[data-state="good"] { color: #9be7b0; }
#root { flex: 1; min-height: 0; overflow: hidden; }
#root .graphiql-container { height: 100%; }
/* The tabs' animation leaves a wrong position behind, which GraphiQL hides only until a tab is pressed: the tab would jump from under the pointer. */
#root .graphiql-tab { transform: none !important; }
@media (max-width: 760px) {
  #token-form { flex-wrap: wrap; }
  #token { flex: 1; }
  #message { flex-basis: 100%; }
  #root .graphiql-container, #root .graphiql-main, #root #graphiql-session { flex-direction: column; }
  #root .graphiql-sidebar { flex: none; flex-direction: row; width: 100%; padding-bottom: 0; }
  #root .graphiql-main, #root .graphiql-plugin { min-height: 0; }
  #root .graphiql-plugin { overflow: auto; }
  #root .graphiql-sessions { margin: 8px; min-height: 50%; }
  #root .graphiql-horizontal-drag-bar, #root .graphiql-logo { display: none; }
  #root .graphiql-response { min-height: 0; }
}
`;
