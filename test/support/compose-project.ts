import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { findProgram } from "../../script/services/process.ts";
import { makeContext, makeNodeBase } from "./image.ts";

interface ProjectOptions {
  /** Unused on its engine. @default that of docker-compose.yml */
  readonly name?: string;
  /** Before the test's own `here.yml`. */
  readonly files: readonly string[];
  readonly profiles?: readonly string[];
  /** `here.yml`: what is different on this machine. */
  readonly here: string;
  /** For deploy/compose/prepare. */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * A copy of the shipped files in the empty folder `project`, with a fresh bundle, secrets of its
 * own, and this machine's Node as the base of images. `compose` takes arguments and returns what it
 * prints; `shell` runs a block of the documentation there.
 */
export async function makeComposeProject(project: string, socketPath: string, options: ProjectOptions) {
  await Promise.all([makeNodeBase(socketPath, "ops-base"), makeContext(project)]);
  for (const path of ["docker-compose.yml", "deploy"]) cpSync(path, join(project, path), { recursive: true });
  for (const path of ["src", "node_modules", "package.json"])
    symlinkSync(join(process.cwd(), path), join(project, path));
  // As in a clone: the secrets of this working copy, if there are any, are not for tests.
  rmSync(join(project, "deploy/compose/secrets"), { recursive: true });
  mkdirSync(join(project, "deploy/compose/secrets"));
  writeFileSync(join(project, "here.yml"), options.here);
  execFileSync(join(project, "deploy/compose/prepare"), {
    stdio: "ignore",
    env: { ...process.env, ...options.environment },
  });
  const command = findProgram("docker-compose");
  const files = [...options.files, "here.yml"];
  const env = {
    ...process.env,
    DOCKER_HOST: `unix://${socketPath}`,
    COMPOSE_FILE: files.join(":"),
    COMPOSE_PROFILES: (options.profiles ?? []).join(","),
    ...(options.name !== undefined && { COMPOSE_PROJECT_NAME: options.name }),
    BASE_IMAGE: "ops-base",
    DOCKER_SOCKET: socketPath,
    DOCKER_GID: "0",
  };
  const run = (program: string, args: readonly string[]) =>
    execFileSync(program, args, { cwd: project, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  // Compose as a program of its own, which Debian has had, and the bundle that is there already.
  const functions = command
    ? 'docker() { if [ "$1" = compose ]; then "$compose" "${@:2}"; else command docker "$@"; fi; }'
    : "";
  return {
    compose: (...args: readonly string[]) => (command ? run(command, args) : run("docker", ["compose", ...args])),
    shell: (block: string) => {
      const text = block.replace(options.files.join(":"), files.join(":"));
      return run("bash", ["-euc", `compose=${command}\n${functions}\nnpm() { :; }\n${text}`]);
    },
  };
}

export type ComposeProject = Awaited<ReturnType<typeof makeComposeProject>>;

/** The image of each service, by Compose. */
export function readImages({ compose }: ComposeProject): Readonly<Record<string, string>> {
  const config = JSON.parse(compose("config", "--format", "json")) as { services: Record<string, { image: string }> };
  return Object.fromEntries(Object.entries(config.services).map(([name, { image }]) => [name, image]));
}

/** `name health` of each service that runs, by name. */
export function readHealth({ compose }: Pick<ComposeProject, "compose">): readonly string[] {
  const lines = compose("ps", "--format", "json").trim().split("\n");
  const states = lines.map((line) => JSON.parse(line) as { Service: string; Health: string });
  return states.map(({ Service, Health }) => `${Service} ${Health}`).toSorted();
}
