import { readFileSync, rmSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const graphiql = "@graphql-yoga/render-graphiql/graphiql";

/** GraphiQL is 9 MB of text that only a browser's visit needs: a file of its own beside the bundle, loaded on first use. */
const graphiqlApart: Plugin = {
  name: "graphiql-apart",
  setup: (builder) => {
    builder.onResolve({ filter: new RegExp(`^${graphiql}$`) }, ({ kind }) =>
      kind === "entry-point" ? undefined : { path: "./graphiql.cjs", external: true },
    );
  },
};

/**
 * Bundles the gateway into `outdir`: cli.cjs and graphiql.cjs, nothing else is needed to run it. CommonJS, since an ES module bundle
 * cannot `require` Node's own modules on behalf of its CommonJS dependencies; what is imported lazily stays lazy, inside the one file.
 */
export async function buildBundle(outdir: string): Promise<void> {
  rmSync(outdir, { recursive: true, force: true });
  await build({
    absWorkingDir: root,
    entryPoints: { cli: "src/cli.ts", graphiql },
    outdir,
    outExtension: { ".js": ".cjs" },
    bundle: true,
    platform: "node",
    target: "node24",
    format: "cjs",
    // Stack traces keep our names; whitespace is what costs at start-up.
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: "linked",
    sourcesContent: false,
    legalComments: "linked",
    // Optional native parts of dependencies (ssh2, pg), which fall back to JavaScript.
    external: ["cpu-features", "pg-native", "*.node"],
    define: { "import.meta.url": "importMetaUrl", "import.meta.main": "importMetaMain" },
    banner: {
      js: 'const importMetaUrl=require("node:url").pathToFileURL(__filename).href,importMetaMain=require.main===module;',
    },
    plugins: [graphiqlApart],
    logLevel: "warning",
  });
  // esbuild escapes them, but not in regular expressions. One is enough for V8 to keep the whole text with two bytes for each character: 6 MB more.
  const [other] = /.{0,40}[^\0-\x7f].{0,40}/.exec(readFileSync(resolve(root, outdir, "cli.cjs"), "utf8")) ?? [];
  if (other !== undefined) throw new Error(`cli.cjs has characters beyond ASCII: ${other}`);
}

if (import.meta.main) {
  const outdir = `${root}dist`;
  await buildBundle(outdir);
  const size = (name: string) => `${name} ${(statSync(`${outdir}/${name}`).size / 1e6).toFixed(1)} MB`;
  console.log(`dist: ${size("cli.cjs")}, ${size("graphiql.cjs")}`);
}
