import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildClient } from "../../script/client.ts";

/** Puts the client's package into a folder, as `npm install` would, without the gateway. */
export async function installClient(folder: string): Promise<void> {
  const { name, type, exports } = JSON.parse(readFileSync("package.json", "utf8")) as Record<string, string>;
  const home = join(folder, "node_modules", name as string);
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, "package.json"), JSON.stringify({ name, type, exports }));
  await buildClient(join(home, "dist"));
}
