import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { inspected, listed } from "../../test/support/docker-fake.ts";

/** Simulated engines for the inventory bench: their descriptions of a container are as long as those of a small one in Docker. */
const [engines, containers] = process.argv.slice(2).map(Number) as [number, number];
const folder = mkdtempSync(join(tmpdir(), "ops-bench-"));
const pad = Array.from({ length: 40 }, (_, index) => `SETTING_${index}=${"x".repeat(80)}`);

const name = (id: string) => `wallet-core-web-${id.slice(-8)}`;

async function startEngine(engine: number): Promise<string> {
  const socketPath = join(folder, `${engine}.sock`);
  const ids = Array.from({ length: containers }, (_, index) => (engine * 1000 + index).toString(16).padStart(64, "0"));
  const list = JSON.stringify(ids.map((id) => ({ ...listed(id, name(id), { Status: "Up 3 hours" }), Mounts: pad.slice(0, 6) })));
  const one = new Map(ids.map((id) => [id, JSON.stringify(inspected(id, name(id), { Env: pad }))]));
  const server = createServer((request, response) => {
    const url = request.url ?? "";
    if (url === "/_ping") response.writeHead(200, { "api-version": "1.45" }).end("OK");
    else if (url.includes("/events")) response.writeHead(200).flushHeaders();
    else response.end(url.includes("/containers/json") ? list : one.get(url.split("/")[3] ?? ""));
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return socketPath;
}

const sockets = await Promise.all(Array.from({ length: engines }, (_, engine) => startEngine(engine)));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
process.once("disconnect", () => process.exit());
process.send?.({ sockets });
