import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";
import { buildClient } from "./client.ts";
import { readBuild } from "./bundle/commit.ts";
import { buildConsole } from "./console.ts";
import { runProgram } from "./services/process.ts";
import { toVersion } from "../src/lib/build.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const graphiql = "@graphql-yoga/render-graphiql/graphiql";

/**
 * What few processes need, each a file of its own beside the bundle, loaded on first use: GraphiQL,
 * 9 MB of text for a browser's visit, the protocol of agents, and OpenTelemetry.
 */
const apart: readonly (readonly [imported: RegExp, file: string])[] = [
  [new RegExp(`^${graphiql}$`), "./graphiql.cjs"],
  [/\/protocol\.ts$/, "./mcp.cjs"],
  [/^\.\.\/tracing\/tracing\.ts$/, "./tracing.cjs"],
];

/**
 * The thread that runs regular expressions: `src/lib/pattern/matcher.ts` starts it by the name of
 * its file.
 */
const thread = "src/lib/pattern/thread.ts";

const filesApart: Plugin = {
  name: "files-apart",
  setup: (builder) => {
    for (const [filter, path] of apart)
      builder.onResolve({ filter }, ({ kind }) => (kind === "entry-point" ? undefined : { path, external: true }));
  },
};

/**
 * What dependencies load at once for what we never ask of them: graphql-jit's own serializer (with
 * ajv), dockerode's image builds (gRPC) and its own ssh, in place of which ours is loaded for an
 * engine that needs it. Together a tenth of the process at rest.
 */
const absent: readonly (readonly [path: RegExp, importer: RegExp])[] = [
  [/^fast-json-stringify$/, /graphql-jit/],
  [/^@grpc\/(?:grpc-js|proto-loader)$/, /dockerode\/lib\/session\.js$/],
  [/^\.\/ssh$/, /docker-modem\/lib\/modem\.js$/],
];

const withoutAbsent: Plugin = {
  name: "without-absent",
  setup: (builder) => {
    const namespace = "absent";
    const left = new Set(absent);
    for (const one of absent) {
      const [filter, importer] = one;
      builder.onResolve({ filter }, (found) => {
        if (!importer.test(found.importer)) return undefined;
        left.delete(one);
        return { path: found.path, namespace };
      });
    }
    builder.onEnd(() => {
      const errors = [...left].map(([path]) => ({
        text: `Nothing imports ${path} any more: see \`absent\` in script/build.ts`,
      }));
      return { errors };
    });
    builder.onLoad({ filter: /.*/, namespace }, () => ({ contents: "module.exports = {};" }));
  },
};

/**
 * Compiles the bundle: serves a request with it, so that what that runs is compiled too, and writes
 * what V8 made of it. Rejects when it does not answer.
 */
async function compile(outdir: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ops-build-"));
  try {
    writeFileSync(
      join(folder, "deploy_info.json"),
      '{"current_tag":"a","previous_tag":"b","commit_sha":"c","deployed_by":"d","deployed_at":"2026-01-10T13:15:00Z"}',
    );
    const env = {
      WALLET_CORE_OPS_PORT: "0",
      WALLET_CORE_OPS_TOKEN: "build-token-of-32-characters-xyz",
      WALLET_CORE_OPS_DEPLOY_INFO_PATH: join(folder, "deploy_info.json"),
      WALLET_CORE_OPS_AUDIT_FILE: join(folder, "audit.jsonl"),
    };
    await runProgram(process.execPath, [join(root, "script/bundle/compile.cjs"), outdir], { env, timeoutMs: 120_000 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Bundles the gateway into `outdir`: cli.cjs, which starts gateway.cjs with its compiled code, the
 * files apart, and the console; nothing else is needed to run it. CommonJS, since an ES module
 * bundle cannot `require` Node's own modules on behalf of its CommonJS dependencies; what is
 * imported lazily stays lazy, inside the one file.
 */
export async function buildBundle(outdir: string): Promise<void> {
  const built = readBuild(root);
  rmSync(outdir, { recursive: true, force: true });
  await build({
    absWorkingDir: root,
    entryPoints: {
      gateway: "src/cli.ts",
      graphiql,
      mcp: "src/mcp/protocol.ts",
      tracing: "src/tracing/tracing.ts",
      pattern: thread,
    },
    outdir,
    outExtension: { ".js": ".cjs" },
    bundle: true,
    platform: "node",
    target: "node24",
    format: "cjs",
    // `require` in place of `import()`, which in a vm.Script is experimental and warns.
    supported: { "dynamic-import": false },
    // Stack traces keep our names; whitespace is what costs at start-up.
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: "linked",
    sourcesContent: false,
    legalComments: "linked",
    // Optional native parts of dependencies (ssh2, pg), which fall back to JavaScript.
    external: ["cpu-features", "pg-native", "*.node"],
    define: {
      "import.meta.url": "importMetaUrl",
      "import.meta.main": "importMetaMain",
      bundledBuild: JSON.stringify(built),
    },
    banner: {
      js: 'const importMetaUrl=require("node:url").pathToFileURL(__filename).href,importMetaMain=require.main===module;',
    },
    plugins: [filesApart, withoutAbsent],
    logLevel: "warning",
  });
  // esbuild escapes them, but not in regular expressions. One is enough for V8 to keep the whole
  // text with two bytes for each character: 6 MB more.
  const file = resolve(root, outdir, "gateway.cjs");
  const text = readFileSync(file, "utf8");
  const [other] = /.{0,40}[^\0-\x7f].{0,40}/.exec(text) ?? [];
  if (other !== undefined) throw new Error(`gateway.cjs has characters beyond ASCII: ${other}`);
  // One function for the launcher, in place of the line for the shell: other lines keep their
  // numbers. Added at the start it would cost a copy of the text.
  writeFileSync(
    file,
    `${text.replace(/^#!.*/, "(function (exports, require, module, __filename, __dirname) {")}\n})\n`,
  );
  const launcher = readFileSync(join(root, "script/bundle/launcher.cjs"), "utf8");
  writeFileSync(
    resolve(root, outdir, "cli.cjs"),
    launcher.replace('"VERSION\\n"', JSON.stringify(`${toVersion(built)}\n`)),
  );
  await buildConsole(resolve(root, outdir, "console"));
  await compile(resolve(root, outdir));
}

if (import.meta.main) {
  const outdir = `${root}dist`;
  await buildBundle(outdir);
  await buildClient(outdir);
  const size = (name: string) => `${name} ${(statSync(`${outdir}/${name}`).size / 1e6).toFixed(1)} MB`;
  console.log(
    `dist: ${size("gateway.cjs")}, its code ${size("gateway.code")}, ${apart.map(([, file]) => size(file.slice(2))).join(", ")}, ${size("pattern.cjs")}, ${size("client.js")}`,
  );
}
