import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { type Running, UnavailableError } from "../../script/services/process.ts";

declare module "vitest" {
  interface ProvidedContext {
    /**
     * Path of the Unix socket of the real dockerd of this run; sample image: `ops-sample:latest`.
     */
    dockerSocket: string;
    /**
     * URL of the real PostgreSQL of this run, as a superuser; create a database of your own in it.
     */
    postgresUrl: string;
    /**
     * URL of the real Prometheus of this run, which scrapes the real node-exporter as job "node".
     */
    prometheusUrl: string;
    /**
     * Path of the Unix socket of the real Podman of this run, with the same sample image; or the
     * reason why its tests are skipped.
     */
    podman: { readonly socketPath: string } | { readonly missing: string };
    /** Folder for sockets and files of this run. */
    runFolder: string;
  }
}

/**
 * Starts the real services once for all integration tests. While you work on one of them, name
 * those that you need: `OPS_TEST_SERVICES=docker,postgres npx vitest run --project integration
 * ...`.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const wanted = new Set((process.env["OPS_TEST_SERVICES"] ?? "docker,podman,postgres,prometheus").split(","));
  const folder = mkdtempSync(join(tmpdir(), "ops-test-"));
  project.provide("runFolder", folder);
  project.provide("podman", { missing: "it is not among OPS_TEST_SERVICES" });
  const running: Running[] = [];
  const teardown = async () => {
    await Promise.allSettled(running.map((service) => service.stop()));
    rmSync(folder, { recursive: true, force: true });
  };
  // A gateway that runs from its sources serves them.
  if (!existsSync("dist/console/index.html"))
    await (await import("../../script/console.ts")).buildConsole("dist/console");
  const start = {
    docker: async () => {
      const { startDockerd } = await import("../../script/services/dockerd.ts");
      const dockerd = await startDockerd(join(folder, "docker"));
      running.push(dockerd);
      project.provide("dockerSocket", dockerd.socketPath);
    },
    podman: async () => {
      const { startPodman } = await import("../../script/services/podman.ts");
      try {
        const podman = await startPodman(join(folder, "podman"));
        running.push(podman);
        project.provide("podman", { socketPath: podman.socketPath });
      } catch (error) {
        if (!(error instanceof UnavailableError)) throw error;
        console.warn(`The tests of Podman are skipped: ${error.message}`);
        project.provide("podman", { missing: error.message });
      }
    },
    postgres: async () => {
      const { startPostgres } = await import("../../script/services/postgres.ts");
      const postgres = await startPostgres(join(folder, "postgres"), { settings: ["max_connections=400"] });
      running.push(postgres);
      project.provide("postgresUrl", postgres.url);
    },
    prometheus: async () => {
      const { startPrometheus } = await import("../../script/services/prometheus.ts");
      const prometheus = await startPrometheus(join(folder, "prometheus"));
      running.push(prometheus);
      project.provide("prometheusUrl", prometheus.url);
    },
  };
  const starts = Object.entries(start).map(([name, run]) => (wanted.has(name) ? run() : Promise.resolve()));
  const failures = (await Promise.allSettled(starts)).filter((result) => result.status === "rejected");
  if (failures.length > 0) {
    await teardown();
    throw new AggregateError(
      failures.map((failure) => failure.reason),
      failures.map((failure) => String(failure.reason)).join("\n"),
    );
  }
  return teardown;
}
