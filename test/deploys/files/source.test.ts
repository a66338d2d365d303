import { chmodSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { createDeployFolders, createDeployReader } from "../../support/deploy-file.ts";
import { deployInfoText } from "../../support/deploys.ts";

// By themselves: one sets the user of the process, which threads cannot, the other takes its time.
const folders = createDeployFolders();
let folder: string;
let path: string;
beforeEach(() => void ({ folder, path } = folders.create()));
const createReader = () => createDeployReader(path);

describe("a valid file", () => {
  it("is never missed however fast it changes", async () => {
    const read = createReader();
    for (let round = 0; round < 200; round += 1) {
      const tag = String(100 + round);
      writeFileSync(path, deployInfoText(tag));
      expect(await read()).toMatchObject({ currentTag: tag, stale: false });
    }
  });
});

describe("an invalid file", () => {
  it("without permission is unreadable, not missing, or stale", async () => {
    const read = createReader();
    writeFileSync(path, deployInfoText("a"));
    await read();
    const nobody = process.geteuid?.() === 0 ? 65_534 : null;
    for (const locked of [path, folder]) {
      chmodSync(locked, 0);
      if (locked === path) writeFileSync(join(folder, "new"), deployInfoText("b"), { mode: 0 });
      if (locked === path) renameSync(join(folder, "new"), path);
      chmodSync(folders.root, 0o755);
      if (locked === path) chmodSync(folder, 0o755);
      try {
        if (nobody) process.seteuid?.(nobody);
        expect(await read()).toMatchObject({
          currentTag: "a",
          stale: true,
          error: "deploy_info.json cannot be read (EACCES)",
        });
        await expect(createReader()()).rejects.toMatchObject({ code: "deploy_info_unreadable", status: 503 });
      } finally {
        if (nobody) process.seteuid?.(0);
        chmodSync(folder, 0o700);
      }
    }
  });
});
