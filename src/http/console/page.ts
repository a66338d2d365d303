import type { EdgeReply, PublicPage, PublicRequest } from "../surface.ts";
import { type Asset, assetNames, loadAssets } from "./assets.ts";
import { renderConsole } from "./html.ts";

const common = ["X-Content-Type-Options", "nosniff", "Referrer-Policy", "no-referrer"];
const isolation = ["Cross-Origin-Opener-Policy", "same-origin", "Cross-Origin-Resource-Policy", "same-origin"];

/** Scripts and requests: this origin alone. Styles: the Monaco editor writes style elements, so inline ones must be allowed. */
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
].join("; ");

const pageHeaders = [...common, ...isolation, "Cache-Control", "no-cache", "Content-Security-Policy", pagePolicy];
const assetHeaders = [...common, ...isolation, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"];
const keptHeaders = [...assetHeaders, "Cache-Control", "public, max-age=31536000, immutable"];
const freshHeaders = [...assetHeaders, "Cache-Control", "no-cache"];

/**
 * The GraphiQL console: at `path` for a browser that navigates there (a GraphQL query by GET, which has a `query` parameter, is not
 * for it), and its files below `<path>/console/`. All of it is static; the data it shows is fetched with the visitor's token.
 */
export function createConsolePages(path = "/graphql"): PublicPage[] {
  let assets: ReturnType<typeof loadAssets> | undefined;
  const load = () => (assets ??= loadAssets());

  const page: PublicPage = {
    path,
    accepts: ({ headers, query }) => (headers.accept ?? "").includes("text/html") && !new URLSearchParams(query).has("query"),
    async reply() {
      const loaded = await load();
      const body = renderConsole((name) => `${path}/console/${name}?v=${loaded[name].version}`);
      return { status: 200, headers: { "Content-Type": "text/html; charset=utf-8" }, body, route: path, policy: pageHeaders };
    },
  };
  const files = assetNames.map((name): PublicPage => {
    const route = `${path}/console/${name}`;
    const reply = async (request: PublicRequest) => toReply((await load())[name], request, route);
    return { path: route, accepts: () => true, reply };
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
    policy: query === `v=${asset.version}` ? keptHeaders : freshHeaders,
  };
}
