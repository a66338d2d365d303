import { hash } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { clientScript } from "./client-script.ts";
import { consoleCss } from "./html.ts";

export interface Asset {
  readonly type: string;
  /** Beginning of the SHA-256 of its content: in the address, so that browsers may keep it for ever. */
  readonly version: string;
  /** One Buffer for all readers: each connection refers to it, where text would be copied for each. */
  readonly plain: Buffer;
  /** The same for compressed ones: made once, when first asked for. */
  gzipped(): Promise<Buffer>;
}

export const assetNames = [
  "graphiql.js",
  "graphiql.css",
  "editor.worker.js",
  "json.worker.js",
  "graphql.worker.js",
  "console.js",
  "console.css",
] as const;
export type AssetName = (typeof assetNames)[number];

const compress = promisify(gzip);

/** GraphiQL as published with Yoga (9 MB, so it is loaded by the first visitor, not by the process), and our page around it. */
export async function loadAssets(): Promise<Readonly<Record<AssetName, Asset>>> {
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
