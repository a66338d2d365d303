import { existsSync } from "node:fs";
import { extname, join } from "node:path";
import { build, type Plugin } from "esbuild";
import { json as datasource } from "../datasources.ts";
import type { Dashboard } from "../model.ts";
import { answerQueries, type QueryBody, type Upstreams } from "./backend.ts";
import { proxyHeaders } from "./infinity.ts";

const page = join(import.meta.dirname, "page");
const modules = join(page, "node_modules");
const icons = "/public/build/img/icons/";
const proxy = `/api/datasources/proxy/uid/${datasource.uid}`;

/**
 * The fonts of Grafana's own page, which @grafana/ui names and does not bring: the length of a text
 * depends on them.
 */
const fonts: readonly (readonly [path: string, file: string])[] = [
  ["/public/fonts/inter/Inter-Regular.woff2", "inter-ui/web/Inter-Regular.woff2"],
  ["/public/fonts/inter/Inter-Medium.woff2", "inter-ui/web/Inter-Medium.woff2"],
  ["/public/fonts/roboto/", "@fontsource/roboto-mono/files/roboto-mono-latin-400-normal.woff2"],
];

const types: Readonly<Record<string, string>> = { ".js": "text/javascript", ".css": "text/css" };

const html = `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>Dashboard</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/main.css"></head>
  <body><div id="root"></div><script>window.grafanaBootData = { settings: {}, user: {}, navTree: [], assets: {} };</script><script type="module" src="/main.js"></script></body>
</html>`;

/**
 * @grafana/plugin-compat imports what only other versions of @grafana/runtime have, and looks
 *   whether it is undefined. A missing name is an error between ES modules, but not from a CommonJS
 *   one.
 */
const lenientRuntime: Plugin = {
  name: "lenient-runtime",
  setup: (builder) => {
    const namespace = "lenient-runtime";
    builder.onResolve({ filter: /^@grafana\/runtime(?:\/unstable)?$/ }, async ({ path, importer, pluginData }) => {
      if (pluginData === namespace || !importer.includes("/plugin-compat/")) return undefined;
      const { path: found } = await builder.resolve(path, {
        kind: "import-statement",
        resolveDir: page,
        pluginData: namespace,
      });
      return { path: found.replace(/\.mjs$/, ".cjs"), namespace };
    });
    builder.onLoad({ filter: /.*/, namespace }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path.replace(/\.cjs$/, ".mjs"))});`,
      resolveDir: page,
    }));
  },
};

/** An editor and maps, which nothing that is drawn loads: half of what there is to bundle. */
const unused = ["monaco-editor", "ol"];

/** Bundles the page with what `npm ci` of its folder has installed. */
async function bundle(): Promise<ReadonlyMap<string, Uint8Array>> {
  if (!existsSync(join(modules, "@grafana/scenes"))) throw new Error(`not installed: npm ci --prefix ${page}`);
  const { outputFiles } = await build({
    entryPoints: [join(page, "main.tsx")],
    outdir: "/",
    write: false,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    minifySyntax: true,
    define: { "process.env.NODE_ENV": '"production"', global: "globalThis" },
    loader: { ".ttf": "empty", ".svg": "empty" },
    external: [...unused, ...unused.map((name) => `${name}/*`)],
    plugins: [lenientRuntime],
    logLevel: "error",
    logOverride: { "import-is-undefined": "silent" },
  });
  return new Map(outputFiles.map(({ path, contents }) => [path, contents]));
}

/** An answer to a request of the page, by its content or by a file. */
type Reply =
  | { readonly status?: number; readonly contentType?: string; readonly body: string | Buffer }
  | { readonly path: string };

/**
 * What the page that draws `dashboards` asks for: its files, and what Grafana's server answers in
 * the place of backend plugins and as the proxy of the JSON datasource. The token stays here.
 */
export async function createSite(
  dashboards: readonly Dashboard[],
  upstreams: Upstreams,
): Promise<(address: string, body: string | null) => Promise<Reply>> {
  const files = await bundle();
  return async (address, body) => {
    const { pathname } = new URL(address);
    const file = files.get(pathname);
    const [, font] = fonts.find(([path]) => pathname.startsWith(path)) ?? [];
    const dashboard = dashboards.find(({ uid }) => pathname === `/dashboards/${uid}`);
    if (pathname === "/") return { contentType: "text/html", body: html };
    if (file) return { contentType: types[extname(pathname)] ?? "text/plain", body: Buffer.from(file) };
    if (font !== undefined) return { path: join(modules, font) };
    if (dashboard) return toJson(dashboard);
    if (pathname.startsWith(icons)) return findIcon(pathname.slice(icons.length));
    if (pathname === "/api/ds/query")
      return toJson(await answerQueries(upstreams, JSON.parse(body ?? "") as QueryBody));
    if (pathname.startsWith(proxy)) return pass(upstreams, pathname.slice(proxy.length), body ?? "");
    return { status: 404, body: "" };
  };
}

function toJson(content: object): Reply {
  return { contentType: "application/json", body: JSON.stringify(content) };
}

/**
 * Grafana serves the icons of @grafana/ui from there, and a few of its own, which are empty here.
 */
function findIcon(name: string): Reply {
  const path = join(modules, "@grafana/ui/dist/public/img/icons", name);
  if (existsSync(path)) return { path };
  return { contentType: "image/svg+xml", body: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"/>' };
}

/**
 * As Grafana's proxy: the path is appended to the datasource's URL, and the header with the token
 * is added.
 */
async function pass({ url, token }: Upstreams, path: string, body: string): Promise<Reply> {
  const response = await fetch(`${url}/grafana${path}`, { method: "POST", headers: proxyHeaders(token), body });
  return { status: response.status, contentType: "application/json", body: await response.text() };
}
