import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";

/**
 * Runs in Grafana's place: in its container, as its user, with its mounts, secrets and networks.
 * Serves its datasources file with variables and files filled in as Grafana does, and sends
 * requests on to where Grafana's server would.
 */
const provisioning = "/etc/grafana/provisioning";

function expand(yaml: string): string {
  return yaml
    .replace(/#.*/g, "")
    .replace(/\$__file\{([^}]+)\}/g, (_, path: string) => readFileSync(path, "utf8").trim())
    .replace(/\$([A-Z]\w*)/g, (_, name: string) => process.env[name] ?? "");
}

const answers: Record<string, (body: string) => unknown> = {
  "/api/health": () => "ok",
  "/datasources": () => expand(readFileSync(`${provisioning}/datasources/ops.yaml`, "utf8")),
  "/files": () => {
    readFileSync(process.env["GF_SECURITY_ADMIN_PASSWORD__FILE"] ?? "", "utf8");
    writeFileSync("/var/lib/grafana/grafana.db", "");
    const folders = [`${provisioning}/alerting`, `${provisioning}/dashboards`, "/etc/grafana/dashboards"];
    const files = folders.flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`));
    return files.filter((file) => readFileSync(file, "utf8").length > 0);
  },
  "/send": async (body) => {
    const { url, ...init } = JSON.parse(body) as { url: string } & RequestInit;
    const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
    return { status: answer.status, body: await answer.text() };
  },
};

createServer((request, response) => {
  const reply = async () => {
    const answer = answers[request.url ?? ""];
    if (!answer) throw new Error("unknown path");
    return JSON.stringify(await answer(await text(request)));
  };
  reply().then(
    (body) => response.end(body),
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
}).listen(3000);
