import { mkdtempSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { createAppendFile } from "../../../src/audit/file/append.ts";

it("a line is on disk, and so is a new file's entry in its folder", async () => {
  const folder = mkdtempSync(join(tmpdir(), "append-"));
  const handle = await open(folder);
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const order: string[] = [];
  const kindOf = async (synced: FileHandle) => ((await synced.stat()).isDirectory() ? "folder" : "file");
  for (const name of ["sync", "datasync"] as const) {
    const real = Reflect.get(prototype, name);
    vi.spyOn(prototype, name).mockImplementation(async function (this: FileHandle) {
      order.push(`${name} ${await kindOf(this)}`);
      return real.call(this);
    });
  }
  const file = createAppendFile(join(folder, "audit.jsonl"));
  await file.open();
  await file.append(() => "one\n");
  expect(order.splice(0)).toEqual(["datasync file", "sync folder"]);
  await file.append(() => "two\n");
  expect(order).toEqual(["datasync file"]);
  await file.close();
});
