import { once } from "node:events";
import { createReadStream, existsSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { json } from "node:stream/consumers";
import { build, type Plugin } from "esbuild";
import type { Dashboard } from "../model.ts";
import { answerQueries, type QueryBody, type Upstreams } from "./backend.ts";
import { proxyHeaders } from "./infinity.ts";

const page = join(import.meta.dirname, "page");
const modules = join(page, "node_modules");
const icons = "/public/build/img/icons/";

/** The fonts of Grafana's own page, which @grafana/ui names and does not bring: the length of a text depends on them. */
const fonts: readonly (readonly [path: string, file: string])[] = [
  ["/public/fonts/inter/Inter-Regular.woff2", "inter-ui/web/Inter-Regular.woff2"],
  ["/public/fonts/inter/Inter-Medium.woff2", "inter-ui/web/Inter-Medium.woff2"],
  ["/public/fonts/roboto/", "@fontsource/roboto-mono/files/roboto-mono-latin-400-normal.woff2"],
];

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

const html = `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>Dashboard</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/main.css"></head>
  <body><div id="root"></div><script>window.grafanaBootData = { settings: {}, user: {}, navTree: [], assets: {} };</script><script type="module" src="/main.js"></script></body>
</html>`;

/**
 * @grafana/plugin-compat imports what only other versions of @grafana/runtime have, and looks whether it is undefined. A missing name is an error between ES modules, but
 * not from a CommonJS one.
 */
const lenientRuntime: Plugin = {
  name: "lenient-runtime",
  setup: (builder) => {
    const namespace = "lenient-runtime";
    builder.onResolve({ filter: /^@grafana\/runtime(?:\/unstable)?$/ }, async ({ path, importer, pluginData }) => {
      if (pluginData === namespace || !importer.includes("/plugin-compat/")) return undefined;
      const { path: found } = await builder.resolve(path, { kind: "import-statement", resolveDir: page, pluginData: namespace });
      return { path: found.replace(/\.mjs$/, ".cjs"), namespace };
    });
    builder.onLoad({ filter: /.*/, namespace }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path.replace(/\.cjs$/, ".mjs"))});`,
      resolveDir: page,
    }));
  },
};

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
    plugins: [lenientRuntime],
    logLevel: "error",
    logOverride: { "import-is-undefined": "silent" },
  });
  return new Map(outputFiles.map(({ path, contents }) => [path, contents]));
}

export interface DrawServer extends AsyncDisposable {
  readonly url: string;
}

/**
 * Serves the page that draws `dashboards` and answers its queries in the place of Grafana's server: those of backend plugins, and as the proxy of the JSON datasource. The
 * token stays here.
 */
export async function startDrawServer(dashboards: readonly Dashboard[], upstreams: Upstreams): Promise<DrawServer> {
  const files = await bundle();
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.writeHead(502, { "content-type": "text/plain" }).end(String(error));
    });
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", "http://127.0.0.1");
    const file = files.get(pathname);
    const [, font] = fonts.find(([path]) => pathname.startsWith(path)) ?? [];
    if (pathname === "/") send(response, ".html", html);
    else if (file) send(response, extname(pathname), file);
    else if (font !== undefined) sendFile(response, join(modules, font));
    else if (pathname.startsWith(icons)) sendIcon(response, pathname.slice(icons.length));
    else if (pathname.startsWith("/dashboards/")) {
      sendJson(
        response,
        dashboards.find(({ uid }) => pathname === `/dashboards/${uid}`),
      );
    } else if (pathname === "/api/ds/query") {
      const answers = await answerQueries(upstreams, (await json(request)) as QueryBody);
      sendJson(response, answers);
    } else if (pathname.startsWith("/api/datasources/proxy/uid/ops-json")) {
      await pass(request, response, pathname.slice("/api/datasources/proxy/uid/ops-json".length));
    } else response.writeHead(404).end();
  }

  /** As Grafana's proxy: the path is appended to the datasource's URL, and the header with the token is added. */
  async function pass(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const reply = await fetch(`${upstreams.url}/grafana${path}`, {
      method: "POST",
      headers: proxyHeaders(upstreams.token),
      body: JSON.stringify(await json(request)),
    });
    response.writeHead(reply.status, { "content-type": "application/json" }).end(await reply.text());
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function send(response: ServerResponse, type: string, content: string | Uint8Array): void {
  response.writeHead(200, { "content-type": types[type] ?? "application/octet-stream" }).end(content);
}

function sendJson(response: ServerResponse, content: unknown): void {
  response.writeHead(content === undefined ? 404 : 200, { "content-type": "application/json" }).end(JSON.stringify(content));
}

function sendFile(response: ServerResponse, path: string): void {
  response.writeHead(200, { "content-type": types[extname(path)] ?? "application/octet-stream" });
  createReadStream(path).pipe(response);
}

/** Grafana serves the icons of @grafana/ui from there, and a few of its own, which are empty here. */
function sendIcon(response: ServerResponse, name: string): void {
  const path = join(modules, "@grafana/ui/dist/public/img/icons", name);
  if (existsSync(path)) sendFile(response, path);
  else send(response, ".svg", '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"/>');
}
