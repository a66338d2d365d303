import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { createDeploySource } from "../../src/deploys/files/source.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { toEnv } from "./deploys.ts";

/**
 * A root for the folders of one test file, removed after its tests. `create` makes a folder, and
 * the path of a deploy_info.json in it.
 */
export function createDeployFolders() {
  const root = mkdtempSync(join(tmpdir(), "ops-deploy-"));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  const create = () => {
    const folder = mkdtempSync(join(root, "case-"));
    return { folder, path: join(folder, "deploy_info.json") };
  };
  return { root, create };
}

export function createDeployReader(path: string) {
  const source = createDeploySource({ path, toEnv, logger: silentLogger });
  return () => source.read(new AbortController().signal);
}
