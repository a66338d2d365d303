import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { sampleContainer } from "../support/containers.ts";
import { startGateway, token } from "../support/gateway.ts";
import { sampleHost } from "../support/hosts.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { assertFitsOpenApi } from "../support/openapi.ts";
import { type Called, fetchProgram, functionsProgram } from "../support/openapi-programs.ts";

const name = "wallet-core-staging-web-latest";
const folder = mkdtempSync(join(inject("runFolder"), "openapi-"));
const page =
  readFileSync("docs/client.md", "utf8")
    .split("## ")
    .find((part) => part.startsWith("Clients generated")) ?? "";
const commands = [...page.matchAll(/^\$ (.*)$/gm)].map(([, command]) => command as string);
const examples = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, text]) => text as string);
const programs = { "openapi-fetch": fetchProgram, "hey-api": functionsProgram };

/** The documented operations: id, method, path below the base with `:name`. */
const operations = Object.entries<Record<string, { operationId: string }>>(
  JSON.parse(readFileSync("schema/openapi.json", "utf8")).paths,
).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { operationId }]) => ({
    id: operationId,
    method: method.toUpperCase(),
    template: path.replace("/api/v1/admin/ops", "").replace("{name}", ":name"),
  })),
);

/** As a new project has them. */
const compilerOptions = {
  strict: true,
  noUncheckedIndexedAccess: true,
  noEmit: true,
  target: "es2024",
  lib: ["es2024", "dom", "dom.iterable"],
  module: "esnext",
  moduleResolution: "bundler",
  types: ["node"],
};

let gateway: Awaited<ReturnType<typeof startGateway>>;

/**
 * Runs a program in the folder of the clients; rejects with its output when it fails. Returns what
 * it prints.
 */
function run(program: string, args: readonly string[], more: Record<string, string> = {}): Promise<string> {
  const env = {
    PATH: `${resolve("node_modules/.bin")}:${process.env["PATH"]}`,
    HOME: folder,
    OPS_URL: gateway.url,
    OPS_TOKEN: token,
    NAME: name,
    ...more,
  };
  return new Promise((done, fail) => {
    execFile(program, args, { cwd: folder, env, timeout: 120_000 }, (error, out, err) =>
      error ? fail(new Error(`${program} ${args.join(" ")}: ${out}${err}`)) : done(out),
    );
  });
}

/** Bundles a program of the folder and runs it. */
async function runProgram(file: string): Promise<string> {
  const outfile = join(folder, `${file}.mjs`);
  await build({
    entryPoints: [join(folder, `${file}.ts`)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "silent",
  });
  return run(process.execPath, [outfile]);
}

beforeAll(async () => {
  const { sources } = createMemorySources(
    {
      containers: [sampleContainer({ name })],
      hosts: [sampleHost()],
      queueSources: [
        {
          name: "jobs",
          metrics: [{ name: "payouts", source: "jobs", depth: 4, processedPerSec: 1.2, failuresLastHour: 1 }],
          errors: [
            { queue: "payouts", source: "jobs", jobId: "1", error: "x", timestamp: "2026-01-13T09:41:10Z", count: 1 },
          ],
        },
      ],
    },
    { restartEnabled: true, limits: { cooldownMs: 0, budgetPerHour: 100 } },
  );
  gateway = await startGateway(sources);
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  const preload = { NODE_OPTIONS: `--import=${resolve("test/support/typescript-api.ts")}`, npm_config_offline: "true" };
  for (const command of commands) {
    // The generators of package-lock.json, in place of those that npx would fetch.
    const local = command.replace("https://ops.example.com", gateway.url).replaceAll(/ -p \S+/g, "");
    await run("bash", ["-c", local], command.startsWith("npx") ? preload : {});
  }
  const shown = examples.map((text, index) => [
    `example-${index + 1}`,
    text.replace("https://ops.example.com", gateway.url),
  ]);
  for (const [file, text] of [...Object.entries(programs), ...shown])
    writeFileSync(join(folder, `${file}.ts`), text as string);
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts", "ops"] }));
}, 240_000);
afterAll(() => gateway[Symbol.asyncDispose]());

it("the page has the commands and a program for each client", () => {
  expect(commands.map((command) => command.split(" ")[0])).toEqual(["curl", "npx", "npx"]);
  expect(examples).toHaveLength(2);
});

it("the gateway serves the document that the clients are made of", () => {
  expect(readFileSync(join(folder, "openapi.json"), "utf8")).toBe(readFileSync("schema/openapi.json", "utf8"));
});

it("generated clients and their programs compile under strict", async () => {
  expect(await run("tsc", ["-p", "."])).toBe("");
});

it.each(Object.keys(programs))("the program of %s calls every operation", async (file) => {
  const { answers, ...rest } = JSON.parse(await runProgram(file));
  expect(Object.keys(answers).toSorted()).toEqual(operations.map(({ id }) => id).toSorted());
  for (const { id, method, template } of operations) {
    const { status, body } = answers[id] as Called;
    expect([id, status]).toEqual([id, 200]);
    expect(() => assertFitsOpenApi(method, template, status, body), id).not.toThrow();
  }
  const { listContainers, getContainerLogs, restartContainer, restartContainerByGet } = answers;
  expect(listContainers.body).toMatchObject([{ name, cpu_pct: expect.any(Number) }]);
  expect(getContainerLogs.body.lines).toHaveLength(1);
  expect([restartContainer.body.restarted, restartContainerByGet.body.restarted]).toEqual([true, true]);
  expect(rest).toEqual({ depths: [4], states: ["ok"], health: "healthy", code: "container_not_found" });
});

it.each(["example-1", "example-2"])("the page's %s prints the depth of each queue", async (file) => {
  expect(await runProgram(file)).toBe("payouts 4\n");
});
