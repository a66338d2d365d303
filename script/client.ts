import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Files whose declarations are those of the client: each after those that it needs. */
const sources = ["generated/client", "client/error", "client/types", "client/verdict", "client/client"].map(
  (name) => `src/${name}`,
);

/** graphql-codegen's documents implement it; it is all that is needed of its package. */
const decoration = `interface DocumentTypeDecoration<TResult, TVariables> {
  __apiType?: (variables: TVariables) => TResult;
}
`;

/**
 * Writes client.js into `outdir`, one ES module for Node from version 20 on and for browsers, and
 * client.d.ts, its types. Neither imports anything. Rejects when they would.
 */
export async function buildClient(outdir: string): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: { client: "src/client/client.ts" },
    outdir,
    bundle: true,
    platform: "neutral",
    // Packages without exports have their ES module here.
    mainFields: ["module", "main"],
    target: ["es2022", "node20"],
    format: "esm",
    // Its lines stay: Node shows the one that threw.
    minifySyntax: true,
    legalComments: "inline",
    logLevel: "warning",
  });
  writeFileSync(resolve(root, outdir, "client.d.ts"), toDeclarations());
}

/** The declarations of all sources as one text. */
function toDeclarations(): string {
  const folder = mkdtempSync(join(tmpdir(), "ops-types-"));
  try {
    const config = {
      extends: join(root, "tsconfig.json"),
      compilerOptions: {
        rootDir: root,
        outDir: folder,
        typeRoots: [join(root, "node_modules/@types")],
        noEmit: false,
        declaration: true,
        emitDeclarationOnly: true,
      },
      files: [join(root, "src/client/client.ts")],
      include: [],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder], { stdio: "inherit" });
    const texts = sources.map((source) =>
      readFileSync(join(folder, `${source}.d.ts`), "utf8").replace(
        /^(?:import|export) (?:type )?(?:\*|\{[^}]*\}) from .*$/gm,
        "",
      ),
    );
    const all = decoration + texts.join("\n");
    const [foreign] = /^.*\b(?:from|import\() ?["'].*$/m.exec(all) ?? [];
    if (foreign !== undefined) throw new Error(`client.d.ts would import something: ${foreign}`);
    return all;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
