import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import manifest from "../../package.json" with { type: "json" };

interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly needs?: string;
  readonly if?: string;
  readonly environment?: string;
  readonly permissions: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

const text = readFileSync("deploy/ci/publish.yml", "utf8");
const workflow = parse(text) as { on: unknown; permissions: object; jobs: Readonly<Record<string, Job>> };
const jobs = Object.entries(workflow.jobs);
const steps = jobs.flatMap(([, job]) => job.steps);
const runs = steps.flatMap(({ run }) => (run === undefined ? [] : [run]));

/** Where a site would find and run it. */
const active = ".github/workflows";

describe("deploy/ci/publish.yml", () => {
  it("runs for tags of versions alone, and not from this repository", () => {
    expect(workflow.on).toEqual({ push: { tags: ["v*.*.*"] } });
    expect(existsSync(active)).toBe(false);
  });

  it("gives each job only the rights that it needs", () => {
    expect(workflow.permissions).toEqual({});
    const rights = Object.fromEntries(jobs.map(([name, { permissions }]) => [name, permissions]));
    expect(rights).toEqual({
      check: { contents: "read" },
      package: { contents: "read", "id-token": "write" },
      image: { contents: "read", "id-token": "write", attestations: "write", packages: "write" },
    });
  });

  it("publishes after the checks, with a reviewer", () => {
    const publishing = jobs.filter(([, { permissions }]) => permissions["id-token"] === "write");
    expect(publishing.map(([name, { needs, environment }]) => [name, needs, environment])).toEqual([
      ["package", "check", "publish"],
      ["image", "check", "publish"],
    ]);
    expect(workflow.jobs["image"]?.if).toBe("vars.IMAGE_REGISTRY != ''");
  });

  it("pins each action, and leaves no token in the checkout", () => {
    const used = steps.flatMap(({ uses }) => (uses === undefined ? [] : [uses]));
    expect(used.filter((name) => !/^[\w-]+\/[\w-]+@(?:v\d+(?:\.\d+)*|[0-9a-f]{40})$/.test(name))).toEqual([]);
    const checkouts = steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"));
    expect(checkouts).toHaveLength(jobs.length);
    for (const { with: options } of checkouts) expect(options).toEqual({ "persist-credentials": false });
  });

  it("names no registry, and takes Node of the version that we need", () => {
    expect(text).not.toMatch(/https?:|\w\.(?:io|org|com|dev)\b/);
    const nodes = steps.filter(({ uses }) => uses?.startsWith("actions/setup-node@")).map((step) => step.with);
    expect(new Set(nodes.map((options) => JSON.stringify(options)))).toEqual(new Set(['{"node-version":24}']));
    expect(manifest.engines.node).toBe(">=24");
  });

  it.each(runs.filter((run) => run.startsWith("npm")))("%s is a command that exists", (run) => {
    const [, command = "", script = ""] = run.split(" ");
    const known = command === "run" ? Object.keys(manifest.scripts) : ["ci", "pack", "publish"];
    expect(known).toContain(command === "run" ? script : command);
  });

  it("puts nothing of the event or the secrets into a shell", () => {
    expect(runs.length).toBeGreaterThan(5);
    expect(runs.filter((run) => run.includes("${{"))).toEqual([]);
  });

  it.each([
    [`v${manifest.version}`, 0],
    ["v99.0.0", 1],
  ])("the check of the tag %s exits with %i", (tag, status) => {
    const check = steps.find(({ name }) => name === "The tag is the version")?.run ?? "exit 9";
    const env = { PATH: process.env["PATH"], GITHUB_REF_NAME: tag };
    expect(spawnSync("bash", ["-e", "-c", check], { env }).status).toBe(status);
  });

  it("builds the package and the image with provenance", () => {
    expect(runs).toContain("npm publish ./packed/*.tgz --provenance --access public");
    const image = workflow.jobs["image"]?.steps ?? [];
    expect(image.map(({ run }) => run)).toContain("npm run build");
    const built = image.find(({ uses }) => uses?.startsWith("docker/build-push-action@"))?.with ?? {};
    expect(built).toMatchObject({ context: ".", push: true, provenance: "mode=max", sbom: true });
    expect(existsSync(join(String(built["context"]), "Dockerfile"))).toBe(true);
    expect(image.find(({ uses }) => uses?.startsWith("actions/attest-build-provenance@"))?.with).toMatchObject({
      "subject-digest": "${{ steps.push.outputs.digest }}",
      "push-to-registry": true,
    });
  });
});
