import { existsSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { printOpsSchema } from "../graphql/schema.ts";
import { type Command, createCommand } from "./command.ts";

/** Writes schema/schema.graphql and schema/fleet.graphql; with --check it only compares. */
export const schemaCommand = createPrinter("schema", {
  "schema/schema.graphql": async () => printOpsSchema(),
  "schema/fleet.graphql": async () => (await import("../fleet/schema.ts")).printFleetSchema(),
});

/** Writes schema/openapi.json; with --check it only compares. */
export const openapiCommand = createPrinter("openapi", {
  "schema/openapi.json": async () => (await import("../gateway.ts")).printOpenApi(),
});

function createPrinter(name: string, files: Readonly<Record<string, () => Promise<string>>>): Command {
  const usage = `usage: ${name} [--check]

  Writes ${Object.keys(files).join(" and ")} under the current folder.
  --check   only compare: 1 when one is out of date
`;
  const options = { check: { type: "boolean", default: false } } as const;
  return createCommand({ usage, options }, async ({ readFile, print, printError }, { values }) => {
    let code = 0;
    for (const [path, make] of Object.entries(files)) {
      if (!existsSync(dirname(path))) {
        printError(`there is no folder ${dirname(path)} here: ${name} is for a clone of this project`);
        return 1;
      }
      const text = await make();
      if (!values.check) {
        writeFileSync(path, text);
        print(`wrote ${path}`);
      } else if (!existsSync(path) || readFile(path) !== text) {
        printError(`${path} is out of date: run npm run codegen`);
        code = 1;
      }
    }
    return code;
  });
}
