import { writeFileSync } from "node:fs";
import { printOpsSchema } from "../graphql/print.ts";
import type { Command, CommandContext } from "./command.ts";

/** Writes schema/schema.graphql; with --check it only compares. */
export const schemaCommand: Command = async (context) => write(context, "schema/schema.graphql", printOpsSchema());

/** Writes schema/openapi.json; with --check it only compares. */
export const openapiCommand: Command = async (context) => {
  const { printOpenApi } = await import("../gateway.ts");
  return write(context, "schema/openapi.json", printOpenApi());
};

function write({ args, readFile, print, printError }: CommandContext, path: string, text: string): number {
  if (args.includes("--check")) {
    if (readFile(path) === text) return 0;
    printError(`${path} is out of date: run npm run codegen`);
    return 1;
  }
  writeFileSync(path, text);
  print(`wrote ${path}`);
  return 0;
}
