import { execFileSync, spawn } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { buildBundle } from "../../script/build.ts";
import { callDocker } from "../../script/services/docker-api.ts";

/** The docker CLI on one engine. Returns its output; fails with its message. */
export function dockerCli(socketPath: string): (...args: readonly string[]) => string {
  return (...args) =>
    execFileSync("docker", ["--host", `unix://${socketPath}`, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, DOCKER_BUILDKIT: "1", BUILDX_NO_DEFAULT_ATTESTATIONS: "1" },
      timeout: 120_000,
      maxBuffer: 100_000_000,
    }).trim();
}

/**
 * Builds a base image like the official slim one from this machine: the Node of the tests, its
 * shared libraries and a passwd file, without a shell. The Dockerfile takes its base as an argument
 * because no registry is reachable.
 */
export async function makeNodeBase(socketPath: string, tag: string): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "ops-base-"));
  try {
    const put = (from: string, to: string) => {
      mkdirSync(dirname(join(root, to)), { recursive: true });
      copyFileSync(from, join(root, to));
    };
    put(process.execPath, "usr/local/bin/node");
    chmodSync(join(root, "usr/local/bin/node"), 0o755);
    const libraries = execFileSync("ldd", [process.execPath], { encoding: "utf8" }).matchAll(/(?:=> )?(\/\S+) \(0x/g);
    for (const [, path] of libraries) put(path as string, path as string);
    for (const folder of ["etc", "tmp", "run", "proc", "sys", "dev"])
      mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/:/none\n");
    const tar = spawn("tar", ["-C", root, "-c", "."], { stdio: ["ignore", "pipe", "ignore"] });
    const change = encodeURIComponent("ENV PATH=/usr/local/bin");
    await callDocker(
      socketPath,
      "POST",
      `/images/create?fromSrc=-&repo=${tag}&tag=latest&changes=${change}`,
      tar.stdout,
    );
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/**
 * A build context of the files that the repository has, with a fresh bundle, and a secret that must
 * not get into the image.
 */
export async function makeContext(folder: string): Promise<void> {
  await buildBundle(join(folder, "dist"));
  for (const file of ["Dockerfile", ".dockerignore"]) copyFileSync(file, join(folder, file));
  cpSync("deploy/compose", join(folder, "deploy/compose"), { recursive: true });
  writeFileSync(join(folder, "deploy/compose/secrets/token"), "not-for-the-image");
}
