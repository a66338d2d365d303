import { rmSync, statSync } from "node:fs";
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
    // Optional native parts of dependencies (ssh2, pg): each has a fallback in JavaScript.
    external: ["cpu-features", "pg-native", "*.node"],
    define: { "import.meta.url": "importMetaUrl", "import.meta.main": "importMetaMain" },
    banner: {
      js: 'const importMetaUrl=require("node:url").pathToFileURL(__filename).href,importMetaMain=require.main===module;',
    },
    plugins: [graphiqlApart],
    logLevel: "warning",
  });
}

if (import.meta.main) {
  const outdir = `${root}dist`;
  await buildBundle(outdir);
  const size = (name: string) => `${name} ${(statSync(`${outdir}/${name}`).size / 1e6).toFixed(1)} MB`;
  console.log(`dist: ${size("cli.cjs")}, ${size("graphiql.cjs")}`);
}
