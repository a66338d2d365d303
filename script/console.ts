import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";
import { gzipAsync } from "@gfx/zopfli";
import { build, type Plugin } from "esbuild";
import { minify } from "terser";
import { stripIgnoredCharacters } from "graphql";
import { assetPath } from "../src/console/screens.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** All of the console, gzipped: what somebody with a bad line in a bad night waits for. */
const maxGzipped = 130_000;

/**
 * Documents without blanks and with short names of fragments, and without fragments that no
 * document of its own uses.
 */
const compactDocuments: Plugin = {
  name: "compact-documents",
  setup(bundler) {
    bundler.onLoad({ filter: /generated\/console\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8").replaceAll(
        /= new TypedDocumentString\(`([^`]*)`/g,
        (_, document: string) =>
          `= /* @__PURE__ */ new TypedDocumentString(\`${shortenFragments(stripIgnoredCharacters(document))}\``,
      );
      return { loader: "ts", contents: text };
    });
  },
};

/**
 * Of the palette's search only what the console calls: its library is one function, of which
 * nothing can be left out by bundlers.
 */
const searchAlone: Plugin = {
  name: "search-alone",
  setup(bundler) {
    bundler.onLoad({ filter: /fuzzysort\.js$/ }, ({ path }) => {
      const exported = /return \{'single':single, 'go':go, .*\}/;
      const text = readFileSync(path, "utf8");
      if (!exported.test(text)) throw new Error(`${path} exports something else than before`);
      return { loader: "js", contents: text.replace(exported, "return { go }") };
    });
  },
};

/** Names that fragments have in the bundle. */
const shortNames = new Map<string, string>();

function shortenFragments(document: string): string {
  return document.replaceAll(/(\bfragment |\.\.\.)(?!on\b)(\w+)/g, (_, before: string, name: string) => {
    if (!shortNames.has(name)) shortNames.set(name, `f${shortNames.size.toString(36)}`);
    return before + shortNames.get(name);
  });
}

/** Terser folds what esbuild leaves: 4 % of what is sent. */
async function minifyAgain(code: string): Promise<string> {
  const compress = { passes: 3, ecma: 2020, unsafe_arrows: true, pure_getters: true } as const;
  const { code: minified = code } = await minify(code, { module: true, compress, mangle: true });
  return minified;
}

/**
 * Bundles src/console/app into `outdir`: index.html and files whose names have the hash of their
 * content, each also as .gz and .br. Resolves to the size of all, gzipped; rejects when it is above
 * the limit, and then leaves the folder as it was.
 */
export async function buildConsole(outdir: string): Promise<number> {
  const app = join(root, "src/console/app");
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: { console: join(app, "main.tsx") },
    outdir,
    write: false,
    entryNames: "[name]-[hash]",
    assetNames: "[name]-[hash]",
    loader: { ".svg": "file" },
    bundle: true,
    minify: true,
    // Of a library: ours have none.
    mangleProps: /^_[a-z]/,
    format: "esm",
    platform: "browser",
    target: ["chrome123", "firefox121", "safari17.5"],
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    logLevel: "warning",
    plugins: [compactDocuments, searchAlone],
  });
  const files = await Promise.all(
    outputFiles.map(async ({ path, text }) => ({
      name: path.slice(path.lastIndexOf("/") + 1),
      contents: Buffer.from(path.endsWith(".js") ? await minifyAgain(text) : text),
    })),
  );
  const find = (end: string) => files.find(({ name }) => name.endsWith(end))?.name ?? "";
  const html = readFileSync(join(app, "index.html"), "utf8")
    .replace("console.css", assetPath + find(".css"))
    .replace("console.js", assetPath + find(".js"));
  files.push({ name: "index.html", contents: Buffer.from(html) });
  mkdirSync(outdir, { recursive: true });
  const fresh = mkdtempSync(`${resolve(outdir)}-`);
  try {
    let total = 0;
    for (const { name, contents } of files) {
      // 3 % less than zlib at its best.
      const zipped = await gzipAsync(contents, {});
      total += zipped.length;
      writeFileSync(join(fresh, name), contents);
      writeFileSync(join(fresh, `${name}.gz`), zipped);
      writeFileSync(
        join(fresh, `${name}.br`),
        brotliCompressSync(contents, {
          params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: contents.length },
        }),
      );
    }
    if (total > maxGzipped) throw new Error(`The console has ${total} bytes gzipped: at most ${maxGzipped}`);
    replaceFiles(outdir, fresh);
    return total;
  } finally {
    rmSync(fresh, { recursive: true });
  }
}

/**
 * A gateway that starts meanwhile finds a whole console: what index.html names comes before it, and
 * what is old goes last.
 */
function replaceFiles(folder: string, fresh: string): void {
  const names = readdirSync(fresh).toSorted((a, b) => Number(a.startsWith("index.")) - Number(b.startsWith("index.")));
  for (const name of names) renameSync(join(fresh, name), join(folder, name));
  for (const name of readdirSync(folder)) if (!names.includes(name)) rmSync(join(folder, name), { recursive: true });
}

if (import.meta.main) {
  const size = await buildConsole(join(root, "dist/console"));
  console.log(`dist/console: ${(size / 1000).toFixed(1)} kB gzipped`);
}
