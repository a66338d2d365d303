import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildSchema, lexicographicSortSchema, printSchema } from "graphql";

/*
 * Keeps the schema of the version that is being released, without its descriptions. The tests compare
 * the current one with it, so docs/upgrades.md names what breaks. Run it once package.json has the
 * version.
 */
const root = join(import.meta.dirname, "..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
const schema = readFileSync(join(root, "schema/schema.graphql"), "utf8");
const bare = printSchema(lexicographicSortSchema(buildSchema(schema)))
  .replaceAll(/^ *"""[\s\S]*?"""\n/gm, "")
  .replaceAll(/\n\n(?= )/g, "\n");
writeFileSync(join(root, "schema/released.graphql"), `# ${version}\n${bare}\n`);
