import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { ContainerCreateOptions } from "dockerode";

/** The release that runs and the one before, as Kamal versions. */
export interface Releases {
  readonly current: string;
  readonly previous: string;
}

/**
 * A container of the sandbox: how to create it, and whether it runs or is left over from an old
 * release.
 */
export interface SandboxContainer {
  readonly name: string;
  readonly running: boolean;
  readonly options: ContainerCreateOptions;
}

const service = "wallet-core";
const destination = "staging";
const appImage = "registry.example/schoolable/wallet-core";
const redisImage = "registry.example/redis:7-alpine";

/** The deploy tag of a time. */
export function toDeployTag(date: Date): string {
  return `deploy-${date.toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-")}-${destination}`;
}

/**
 * The containers of one host as Kamal 2 makes them with `-d staging` (names, labels, environment
 * and host names), in the order in which they are made: the web of the previous release, which is
 * stopped, web, runner and worker of the current one, and redis as an accessory.
 */
export function kamalContainers(releases: Releases): readonly SandboxContainer[] {
  return [
    webContainer(releases.previous, { running: false }),
    webContainer(releases.current),
    runnerContainer(releases.current),
    appContainer("worker", releases.current, { script: jobScript("worker", 1) }),
    redisContainer(),
  ];
}

interface App {
  readonly script: string;
  /** @default true */
  readonly running?: boolean;
  /** Port inside, published on the loopback address. */
  readonly port?: number;
  readonly healthcheck?: string;
  /** Folder to mount, and where. */
  readonly mount?: string;
  /**
   * Another container of a role; Kamal makes one on each host, and the sandbox has one host.
   * @default 1
   */
  readonly replica?: number;
}

/** A container of an app, and its host name. */
export interface AppContainer extends SandboxContainer {
  readonly host: string;
}

/** The web of a release: answers health checks, and logs requests. */
export function webContainer(version: string, options: Pick<App, "running" | "replica"> = {}): AppContainer {
  const healthcheck = "wget -q -O /dev/null http://127.0.0.1:8080/up";
  return appContainer("web", version, {
    script: webScript,
    ...(options.running === false ? {} : { port: 8080, healthcheck }),
    ...options,
  });
}

/** The runner of a release. */
export function runnerContainer(version: string): AppContainer {
  return appContainer("runner", version, { script: jobScript("runner", 2) });
}

/** Redis as an accessory. */
export function redisContainer(): SandboxContainer {
  return {
    name: `${service}-redis`,
    running: true,
    options: {
      Image: redisImage,
      Labels: { service: `${service}-redis` },
      Env: [`KAMAL_HOST=${hostname()}`],
      ...command(loop(`echo "1:M $(date -u '+%d %b %Y %H:%M:%S') * 100 changes in 300 seconds. Saving..."`, 10)),
      ...published(6379),
    },
  };
}

/** One container of an app: its shell script is process 1. */
export function appContainer(role: string, version: string, app: App): AppContainer {
  const { script, running = true, port, healthcheck, mount, replica = 1 } = app;
  const name = `${service}-${role}-${destination}-${version}${replica === 1 ? "" : `-${replica}`}`;
  const host = `${hostname().slice(0, 51).replace(/\.$/, "")}-${randomBytes(6).toString("hex")}`;
  const second = 1_000_000_000;
  const { HostConfig, ...ports } = port === undefined ? { HostConfig: {} } : published(port);
  return {
    name,
    host,
    running,
    options: {
      Image: `${appImage}:${version}`,
      Hostname: host,
      Labels: { service, role, destination },
      Env: [
        `KAMAL_CONTAINER_NAME=${name}`,
        `KAMAL_VERSION=${version}`,
        `KAMAL_HOST=${hostname()}`,
        `KAMAL_DESTINATION=${destination}`,
      ],
      ...command(script),
      ...ports,
      HostConfig: { ...HostConfig, ...(mount === undefined ? {} : { Binds: [mount] }) },
      ...(healthcheck === undefined
        ? {}
        : {
            Healthcheck: {
              Test: ["CMD-SHELL", healthcheck],
              Interval: 2 * second,
              Timeout: 2 * second,
              Retries: 3,
              StartPeriod: second,
            },
          }),
    },
  };
}

/** The port inside, on any free port of the machine's loopback address. */
function published(port: number): ContainerCreateOptions {
  const key = `${port}/tcp`;
  return {
    ExposedPorts: { [key]: {} },
    HostConfig: { PortBindings: { [key]: [{ HostIp: "127.0.0.1", HostPort: "0" }] } },
  };
}

/** A shell as process 1 gets no signal by default: the trap makes stop and restart quick. */
function command(script: string): ContainerCreateOptions {
  return { Entrypoint: ["/bin/sh", "-c"], Cmd: [`trap 'exit 0' TERM\n${script}`] };
}

/** A script that repeats `body` every so many seconds; `$n` counts. */
function loop(body: string, seconds: number): string {
  return `n=0\nwhile :; do n=$((n + 1))\n${body}\nsleep ${seconds} & wait $!\ndone`;
}

const webScript = `mkdir -p /srv && echo ok > /srv/up && httpd -p 8080 -h /srv
${loop(
  `head -c 30000000 /dev/zero | md5sum > /dev/null
echo "{\\"level\\":\\"info\\",\\"msg\\":\\"GET /api/v1/wallets\\",\\"status\\":200,\\"request\\":$n}"
[ $((n % 9)) -ne 0 ] || echo "{\\"level\\":\\"warn\\",\\"msg\\":\\"slow query\\",\\"ms\\":$((n * 7 % 900))}" >&2`,
  1,
)}`;

/** Works off imaginary jobs, some of which fail. */
export function jobScript(role: string, seconds: number): string {
  return loop(
    `head -c 10000000 /dev/zero | md5sum > /dev/null
echo "$(date -u +%FT%TZ) INFO ${role} job $n done"
[ $((n % 11)) -ne 0 ] || echo "$(date -u +%FT%TZ) ERROR ${role} job $n failed: timeout contacting provider" >&2`,
    seconds,
  );
}
