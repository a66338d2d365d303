import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { findProgram, freePort, type Running, startProcess, UnavailableError } from "./process.ts";

export interface NodeExporter extends Running {
  /** `127.0.0.1:<port>`, as Prometheus wants it for a target. */
  readonly address: string;
}

interface NodeExporterOptions {
  /** Folder of further `*.prom` files to expose, for metrics of a test. */
  readonly textfileDir?: string;
  /** More arguments for the exporter. */
  readonly args?: readonly string[];
  /**
   * Where to listen; a free port of 127.0.0.1 unless given, which is how a stopped one comes back
   * under the same name.
   */
  readonly address?: string;
}

/**
 * Debian's node-exporter on 127.0.0.1, over this machine's own /proc and /sys.
 *
 * @throws UnavailableError when the program is not installed
 */
export async function startNodeExporter(dir: string, options: NodeExporterOptions = {}): Promise<NodeExporter> {
  const command = findProgram("prometheus-node-exporter");
  if (command === null)
    throw new UnavailableError("prometheus-node-exporter is not installed (apt-get install prometheus-node-exporter)");
  mkdirSync(dir, { recursive: true });
  const address = options.address ?? `127.0.0.1:${await freePort()}`;
  // Debian's own default folder holds files of this machine (apt, smartmon): only what the caller
  // names is exposed.
  const textfile = options.textfileDir
    ? `--collector.textfile.directory=${options.textfileDir}`
    : "--no-collector.textfile";
  const running = await startProcess({
    command,
    args: [
      `--web.listen-address=${address}`,
      textfile,
      "--no-collector.systemd",
      "--log.level=warn",
      ...(options.args ?? []),
    ],
    logFile: join(dir, "node-exporter.log"),
    ready: async () => (await fetch(`http://${address}/`)).ok,
  });
  return { ...running, address };
}
