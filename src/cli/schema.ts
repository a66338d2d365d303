import { existsSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { printOpsSchema } from "../graphql/schema.ts";
import { type Command, createCommand } from "./command.ts";

/** Writes schema/schema.graphql; with --check it only compares. */
export const schemaCommand = createPrinter("schema", "schema/schema.graphql", async () => printOpsSchema());

/** Writes schema/openapi.json; with --check it only compares. */
export const openapiCommand = createPrinter("openapi", "schema/openapi.json", async () =>
  (await import("../gateway.ts")).printOpenApi(),
);

function createPrinter(name: string, path: string, make: () => Promise<string>): Command {
  const usage = `usage: ${name} [--check]

  Writes ${path} under the current folder.
  --check   only compare: 1 when it is out of date
`;
  const options = { check: { type: "boolean", default: false } } as const;
  return createCommand({ usage, options }, async ({ readFile, print, printError }, { values }) => {
    if (!existsSync(dirname(path))) {
      printError(`there is no folder ${dirname(path)} here: ${name} is for a clone of this project`);
      return 1;
    }
    const text = await make();
    if (values.check) {
      if (readFile(path) === text) return 0;
      printError(`${path} is out of date: run npm run codegen`);
      return 1;
    }
    writeFileSync(path, text);
    print(`wrote ${path}`);
    return 0;
  });
}
