import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };

const linters = ["redocly", "spectral"] as const;
const commands = manifest.scripts["lint:schema"].split(" && ");
const folder = mkdtempSync(join(inject("runFolder"), "openapi-lint-"));

/**
 * Runs a linter as `npm run lint:schema` does, on another file. Returns its exit code and all that
 * it prints.
 */
function lint(linter: (typeof linters)[number], file: string): Promise<{ code: number; text: string }> {
  const command = commands.find((one) => one.includes(`${linter} lint schema/openapi.json`)) ?? "false";
  const env = { PATH: `node_modules/.bin:${process.env["PATH"]}`, HOME: folder, NO_COLOR: "1" };
  return new Promise((resolve) => {
    execFile("sh", ["-c", command.replace("schema/openapi.json", file)], { env }, (error, out, err) =>
      resolve({ code: Number(error?.code ?? 0), text: out + err }),
    );
  });
}

describe.each(linters)("%s", (linter) => {
  it("finds no error and no warning in openapi.json", async () => {
    const { code, text } = await lint(linter, "schema/openapi.json");
    expect([code, text]).toEqual([0, expect.stringMatching(/is valid|No results with a severity of 'hint' or higher/)]);
    expect(text).not.toMatch(/warning|error/i);
  });

  it("refuses an operation without a name, and an example that does not fit", async () => {
    const document = JSON.parse(readFileSync("schema/openapi.json", "utf8"));
    const { get: hosts } = document.paths["/api/v1/admin/ops/hosts"];
    delete hosts.operationId;
    hosts.responses["200"].content["application/json"].example.thresholds.cpu = "high";
    const file = join(folder, `${linter}.json`);
    writeFileSync(file, JSON.stringify(document));
    const { code, text } = await lint(linter, file);
    expect([code, text]).toEqual([1, expect.stringContaining("operationId")]);
    expect(text).toMatch(/thresholds[/.]cpu/);
  });
});
