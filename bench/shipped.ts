import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Starts the built gateway as the image does: with the options and variables of the Dockerfile,
 * except for its address.
 */
export function shippedCommand(): {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** For `node -e`. */
  readonly healthCheck: string;
} {
  const dockerfile = readFileSync(join(import.meta.dirname, "../Dockerfile"), "utf8");
  const words = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)?.[1] ?? "[]") as string[];
  const options = words.filter((word) => word.startsWith("--"));
  const [, variables = ""] = /^ENV ((?:.*\\\n)*.*)$/m.exec(dockerfile) ?? [];
  const env = Object.fromEntries(
    [...variables.matchAll(/((?:NODE|MALLOC)_\w+)=(\S+)/g)].map(([, name, value]) => [name, value]),
  );
  const check = JSON.parse(/^ {4}CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? "[]") as string[];
  return {
    healthCheck: check.at(-1) ?? "",
    args: [...options, join(import.meta.dirname, "../dist/cli.cjs"), "serve"],
    env,
  };
}
