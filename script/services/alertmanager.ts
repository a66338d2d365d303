import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { findProgram, freePort, type Running, startProcess, UnavailableError } from "./process.ts";

export interface Alertmanager extends Running {
  /** `127.0.0.1:<port>`, as Prometheus wants it for a target. */
  readonly address: string;
}

/**
 * Debian's Alertmanager on 127.0.0.1, alone, with its data under `dir`.
 *
 * @throws UnavailableError when the program is not installed
 */
export async function startAlertmanager(dir: string, configFile: string): Promise<Alertmanager> {
  const command = findProgram("prometheus-alertmanager");
  if (command === null)
    throw new UnavailableError("prometheus-alertmanager is not installed (apt-get install prometheus-alertmanager)");
  mkdirSync(dir, { recursive: true });
  const address = `127.0.0.1:${await freePort()}`;
  const running = await startProcess({
    command,
    args: [
      `--config.file=${configFile}`,
      `--storage.path=${join(dir, "data")}`,
      `--web.listen-address=${address}`,
      "--cluster.listen-address=",
      "--log.level=warn",
    ],
    logFile: join(dir, "alertmanager.log"),
    ready: async () => (await fetch(`http://${address}/-/ready`)).ok,
  });
  return { ...running, address };
}
