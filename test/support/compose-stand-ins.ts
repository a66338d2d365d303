import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { findProgram } from "../../script/services/process.ts";
import { dockerCli } from "./image.ts";

/** Substitutes for images of a registry: this machine's Prometheus, Alertmanager and node-exporter, and a program that reads its files as Grafana does. */
const programs = {
  prometheus: { command: ["/bin/prometheus"], volume: "/prometheus", user: "65534:65534" },
  alertmanager: { command: ["/bin/prometheus-alertmanager"], volume: "/alertmanager", user: "65534:65534" },
  "node-exporter": { command: ["/bin/prometheus-node-exporter"], volume: "/tmp", user: "65534:65534" },
  grafana: { command: ["/bin/node", "/opt/grafana-stand-in.ts"], volume: "/var/lib/grafana", user: "472:0" },
} as const;

const templates = "/usr/share/prometheus/alertmanager";

/** Builds an image under each of the names. */
export function buildStandIns(socketPath: string, images: Readonly<Record<keyof typeof programs, string>>): void {
  const context = mkdtempSync(join(tmpdir(), "ops-stand-in-"));
  try {
    const put = (from: string, to: string) => {
      mkdirSync(dirname(join(context, "root", to)), { recursive: true });
      copyFileSync(from, join(context, "root", to));
    };
    const own = ["prometheus", "prometheus-alertmanager", "prometheus-node-exporter"];
    const binaries = [process.execPath, ...own.map((name) => findProgram(name) ?? name)];
    for (const binary of binaries) {
      put(binary, `bin/${binary.split("/").at(-1)}`);
      const libraries = execFileSync("ldd", [binary], { encoding: "utf8" }).matchAll(/(?:=> )?(\/\S+) \(0x/g);
      for (const [, path] of libraries) put(path as string, path as string);
    }
    // Debian's Alertmanager reads from files what the one of the registry has built in.
    for (const name of ["default", "email"]) put(`${templates}/${name}.tmpl`, `.${templates}/${name}.tmpl`);
    put("test/support/grafana-stand-in.ts", "opt/grafana-stand-in.ts");
    for (const [name, { command, volume, user }] of Object.entries(programs)) {
      mkdirSync(join(context, "empty"), { recursive: true });
      // The images of the registry hold none of our files: what a service needs must come by its mounts.
      writeFileSync(
        join(context, "Dockerfile"),
        `FROM ops-sample:latest\nCOPY root /\nCOPY --chown=${user} empty ${volume}\nVOLUME ${volume}\nENTRYPOINT ${JSON.stringify(command)}\n`,
      );
      dockerCli(socketPath)("build", "--quiet", "--tag", images[name as keyof typeof programs], context);
    }
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}
