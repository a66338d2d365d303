import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { findProgram } from "../../script/services/process.ts";
import { dockerCli } from "./image.ts";

/**
 * Substitutes for images of a registry: this machine's Prometheus, Alertmanager and node-exporter,
 * and a program that reads its files as Grafana does.
 */
const programs = {
  prometheus: { command: ["/bin/prometheus"], volume: "/prometheus", user: "65534:65534" },
  alertmanager: { command: ["/bin/prometheus-alertmanager"], volume: "/alertmanager", user: "65534:65534" },
  "node-exporter": { command: ["/bin/prometheus-node-exporter"], volume: "/tmp", user: "65534:65534" },
  grafana: { command: ["/bin/node", "/opt/grafana-stand-in.ts"], volume: "/var/lib/grafana", user: "472:0" },
} as const;

const templates = "/usr/share/prometheus/alertmanager";

function copyInto(root: string, from: string, to: string): void {
  mkdirSync(dirname(join(root, to)), { recursive: true });
  copyFileSync(from, join(root, to));
}

/**
 * Copies programs to where `place` puts them, and the shared libraries that they need to their own
 * paths.
 */
export function copyPrograms(root: string, paths: readonly string[], place: (path: string) => string): void {
  for (const path of paths) {
    copyInto(root, path, place(path));
    const libraries = execFileSync("ldd", [path], { encoding: "utf8" }).matchAll(/(?:=> )?(\/\S+) \(0x/g);
    for (const [, library] of libraries) copyInto(root, library as string, library as string);
  }
}

/** Builds an image under the name that `images` has for each of these services. */
export function buildStandIns(socketPath: string, images: Readonly<Record<string, string>>): void {
  const context = mkdtempSync(join(tmpdir(), "ops-stand-in-"));
  try {
    const root = join(context, "root");
    const own = ["prometheus", "prometheus-alertmanager", "prometheus-node-exporter"];
    const binaries = [process.execPath, ...own.map((name) => findProgram(name) ?? name)];
    copyPrograms(root, binaries, (path) => `bin/${basename(path)}`);
    // Debian's Alertmanager reads from files what the one of the registry has built in.
    for (const name of ["default", "email"]) copyInto(root, `${templates}/${name}.tmpl`, `${templates}/${name}.tmpl`);
    copyInto(root, "test/support/grafana-stand-in.ts", "opt/grafana-stand-in.ts");
    for (const [name, { command, volume, user }] of Object.entries(programs)) {
      const image = images[name];
      if (image === undefined) continue;
      mkdirSync(join(context, "empty"), { recursive: true });
      // The images of the registry hold none of our files: what a service needs must come by its
      // mounts.
      writeFileSync(
        join(context, "Dockerfile"),
        `FROM ops-sample:latest\nCOPY root /\nCOPY --chown=${user} empty ${volume}\nVOLUME ${volume}\nENTRYPOINT ${JSON.stringify(command)}\n`,
      );
      dockerCli(socketPath)("build", "--quiet", "--tag", image, context);
    }
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}
