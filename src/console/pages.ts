import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { EdgeReply, PublicPage, PublicRequest } from "../http/surface.ts";
import type { SignIn } from "../auth/oidc.ts";
import { createGraphiqlPages } from "./graphiql/page.ts";
import { assetPath, screenPaths } from "./screens.ts";
import { createSignInPages } from "./sign-in.ts";

/** Scripts, styles and requests: files and answers of this origin alone, nothing inline. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  // No text becomes markup or a script, and no policy may say otherwise.
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const common = [
  "X-Content-Type-Options",
  "nosniff",
  "Referrer-Policy",
  "no-referrer",
  "Cross-Origin-Opener-Policy",
  "same-origin",
  "Cross-Origin-Resource-Policy",
  "same-origin",
];
const pageHeaders = [...common, "Cache-Control", "no-cache", "Content-Security-Policy", pagePolicy];
const fileHeaders = [
  ...common,
  "Cache-Control",
  "public, max-age=31536000, immutable",
  "Content-Security-Policy",
  "default-src 'none'; frame-ancestors 'none'",
];

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/**
 * Where `script/console.ts` writes the files: beside the bundle, or in dist/ when the gateway runs
 * from its sources.
 */
const builtFolder = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "../../dist/console/" : "./console/", import.meta.url),
);

/**
 * The console at its screens' addresses, for browsers that navigate there, its files, and GraphiQL
 * at /graphql. All is static: the data comes through /graphql with the visitor's token.
 */
export function createPages(signIn: SignIn | null = null, folder = builtFolder): PublicPage[] {
  const others = [...createSignInPages(signIn), ...createGraphiqlPages()];
  if (!existsSync(`${folder}index.html`)) return [toMissing(), ...others];
  // All at once: another build may replace them, and a page needs the files of its own.
  const index = readFile(folder, "index.html");
  const screens = screenPaths.map((path): PublicPage => {
    return { path, accepts: isNavigation, reply: (request) => toReply(index, request, path, pageHeaders) };
  });
  const names = readdirSync(folder).filter((name) => name !== "index.html" && /\.(?:js|css|svg)$/.test(name));
  const files = names.map((name): PublicPage => {
    const path = assetPath + name;
    const file = readFile(folder, name);
    return { path, accepts: () => true, reply: (request) => toReply(file, request, path, fileHeaders) };
  });
  return [...screens, ...files, ...others];
}

function isNavigation({ headers }: PublicRequest): boolean {
  return (headers.accept ?? "").includes("text/html");
}

/** The forms of a file, one Buffer each, which all readers share. */
interface File {
  readonly type: string;
  readonly plain: Buffer;
  readonly gzip: Buffer;
  readonly brotli: Buffer;
}

function readFile(folder: string, name: string): File {
  const read = (suffix: string) => readFileSync(folder + name + suffix);
  return { type: types[name.split(".").at(-1) ?? ""] ?? "", plain: read(""), gzip: read(".gz"), brotli: read(".br") };
}

function toReply(file: File, { headers }: PublicRequest, route: string, policy: readonly string[]): EdgeReply {
  const accepted = headers["accept-encoding"] ?? "";
  const encoding = /\bbr\b/.test(accepted) ? "br" : /\bgzip\b/.test(accepted) ? "gzip" : null;
  const body = encoding === "br" ? file.brotli : encoding === "gzip" ? file.gzip : file.plain;
  const encoded = encoding ? { "Content-Encoding": encoding } : {};
  return {
    status: 200,
    headers: { "Content-Type": file.type, Vary: "Accept-Encoding", ...encoded },
    body,
    route,
    policy,
  };
}

/** What a clone without a build shows. */
function toMissing(): PublicPage {
  const headers = { "Content-Type": "text/plain; charset=utf-8" };
  const body = "The console is not built. Run `npm run build` and restart the gateway. GraphiQL is at /graphql.\n";
  return {
    path: "/",
    accepts: isNavigation,
    reply: () => ({ status: 503, headers, body, route: "/", policy: pageHeaders }),
  };
}
