import { sampleContainer } from "../../test/support/containers.ts";

/** 20 rows of `/containers`, about 9 kB, the same for every server. */
export const containers = Array.from({ length: 20 }, (_, index) =>
  sampleContainer({
    name: `wallet-core-staging-${index % 2 ? "web" : "worker"}-deploy-20260110-130322-prod-${index}`,
    role: index % 2 ? "web" : "worker",
    host: `37.27.91.${index}-56703216100c`,
    ports: ["0.0.0.0:8080", "127.0.0.1:9090"],
  }),
).toSorted((a, b) => (a.name < b.name ? -1 : 1));

export const token = "bench-token-of-32-characters-xyz";

/** Sends the parent our port and, on each message, the CPU time used so far, microseconds. */
export function reportTo(port: number): void {
  process.on("message", (message) => {
    if (message === "exit") process.exit(0);
    const { user, system } = process.cpuUsage();
    process.send?.({ cpu: user + system, rss: process.memoryUsage.rss() });
  });
  process.send?.({ port });
}
