import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The built gateway, started as the image starts it: with the options and the NODE_ENV of the Dockerfile. For what is judged as it is shipped. */
export function shippedCommand(): { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> } {
  const dockerfile = readFileSync(join(import.meta.dirname, "../Dockerfile"), "utf8");
  const words = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)?.[1] ?? "[]") as string[];
  const options = words.filter((word) => word.startsWith("--"));
  const mode = /^ENV NODE_ENV=(\w+)/m.exec(dockerfile)?.[1] ?? "";
  return { args: [...options, join(import.meta.dirname, "../dist/cli.cjs"), "serve"], env: { NODE_ENV: mode } };
}
