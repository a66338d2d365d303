import process from "node:process";
import Docker from "dockerode";
import { buildSampleImage } from "../services/dockerd.ts";
import { UnavailableError } from "../services/process.ts";
import type { SandboxContainer } from "./kamal.ts";

/**
 * Label of what a sandbox created, with the process id of its owner, so that exactly that can be
 * removed.
 */
const label = "wallet-core-ops.sandbox";

/**
 * The names of the sandbox that others use on this engine. First removes what a killed sandbox
 * left.
 */
export async function takenNames(
  socketPath: string,
  containers: readonly SandboxContainer[],
): Promise<readonly string[]> {
  const docker = new Docker({ socketPath });
  const names = new Set<string>();
  for (const found of await docker.listContainers({ all: true })) {
    const owner = found.Labels[label];
    if (owner !== undefined && !isAlive(Number(owner))) await docker.getContainer(found.Id).remove({ force: true });
    else for (const name of found.Names) names.add(name.slice(1));
  }
  return containers.flatMap(({ name }) => (names.has(name) ? [name] : []));
}

/**
 * Creates the containers; the returned function removes them and the image names, and nothing else.
 */
export async function startContainers(
  socketPath: string,
  containers: readonly SandboxContainer[],
): Promise<() => Promise<void>> {
  const docker = new Docker({ socketPath });
  const images = [...new Set(containers.map(({ options }) => options.Image as string))];
  const built = await docker
    .getImage("ops-sample:latest")
    .inspect()
    .then(
      () => false,
      () => true,
    );
  const remove = async () => {
    const mine = await docker.listContainers({ all: true, filters: { label: [`${label}=${process.pid}`] } });
    await Promise.all(mine.map(({ Id }) => docker.getContainer(Id).remove({ force: true })));
    const names = built ? [...images, "ops-sample:latest"] : images;
    for (const name of names)
      await docker
        .getImage(name)
        .remove()
        .catch(() => {});
  };
  try {
    await buildSampleImage(socketPath);
    for (const image of images) {
      const [repo, tag] = image.split(/:(?=[^:/]*$)/) as [string, string];
      await docker.getImage("ops-sample:latest").tag({ repo, tag });
    }
    const networks = await docker.listNetworks();
    const network = networks.some(({ Name }) => Name === "bridge") ? "bridge" : "none";
    for (const container of containers) await create(docker, container, network);
  } catch (error) {
    await remove().catch(() => {});
    if (error instanceof UnavailableError) throw error;
    throw new Error(`the sample containers could not be started: ${(error as Error).message}`, { cause: error });
  }
  return remove;
}

async function create(docker: Docker, { name, running, options }: SandboxContainer, network: string): Promise<void> {
  const container = await docker.createContainer({
    ...options,
    name,
    Labels: { ...options.Labels, [label]: String(process.pid) },
    HostConfig: {
      ...options.HostConfig,
      NetworkMode: network,
      RestartPolicy: { Name: "unless-stopped" },
      Memory: 64 << 20,
    },
  });
  await container.start();
  if (!running) await container.stop({ t: 2 });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
