import { sampleContainer } from "../../test/support/containers.ts";

/** Rows of `/containers`, about 450 bytes each, the same for every server. */
export const containers = Array.from({ length: Number(process.env["ROWS"] ?? 20) }, (_, index) =>
  sampleContainer({
    name: `wallet-core-staging-${index % 2 ? "web" : "worker"}-deploy-20260110-130322-prod-${index}`,
    role: index % 2 ? "web" : "worker",
    host: `37.27.91.${index % 256}-56703216100c`,
    ports: ["0.0.0.0:8080", "127.0.0.1:9090"],
  }),
).toSorted((a, b) => (a.name < b.name ? -1 : 1));

export const token = "bench-token-of-32-characters-xyz";

/** The body of `/containers`. */
export const toBody = () =>
  containers.map((container) => ({
    id: container.id,
    name: container.name,
    role: container.role,
    status: container.status,
    health: container.health,
    version: container.version,
    commit_sha: container.commitSha,
    restarts: container.restarts,
    host: container.host,
    created_at: container.createdAt,
    started_at: container.startedAt,
    image: container.image,
    ports: container.ports,
    destination: container.destination,
  }));

/** The same as a query. */
export const query = `{ containers(includeAccessories: false) {
  id: shortId name role status health version commit_sha: commitSha restarts host created_at: createdAt started_at: startedAt image ports destination
} }`;

/** Sends the parent our port and, on each message, the CPU time used so far, microseconds. */
export function reportTo(port: number): void {
  process.on("message", (message) => {
    if (message === "exit") process.exit(0);
    const { user, system } = process.cpuUsage();
    process.send?.({ cpu: user + system, rss: process.memoryUsage.rss() });
  });
  process.send?.({ port });
}
