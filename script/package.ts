import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { buildBundle } from "./build.ts";
import { buildClient } from "./client.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const [manifest, ours] = [`${root}package.json`, `${root}package.json.clone`];

/** What only a clone has use for: the bundle has all dependencies inside. */
const absent = new Set(["dependencies", "devDependencies", "allowScripts", "overrides"]);

/**
 * Before `npm pack`: builds what is packed, and puts the package's package.json in place of the
 * clone's, whose command runs the sources. After it, the clone's is put back; also before the next
 * one, should it have been interrupted.
 */
async function main(step: string | undefined): Promise<void> {
  if (existsSync(ours)) renameSync(ours, manifest);
  if (step === "restore") return;
  await buildBundle("dist");
  await buildClient("dist");
  const text = readFileSync(manifest, "utf8");
  const { scripts: all } = JSON.parse(text) as { readonly scripts: Readonly<Record<string, string>> };
  // npm runs neither where the package is installed. Here they repair a clone whose `npm pack` was
  // interrupted.
  const scripts = { prepack: all["prepack"], postpack: all["postpack"] };
  const entries = Object.entries(JSON.parse(text) as Record<string, unknown>).filter(([name]) => !absent.has(name));
  const packed = { ...Object.fromEntries(entries), bin: { "wallet-core-ops": "dist/cli.cjs" }, scripts };
  writeFileSync(ours, text);
  writeFileSync(manifest, `${JSON.stringify(packed, null, 2)}\n`);
}

await main(process.argv[2]);
