import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { ContainerCreateOptions } from "dockerode";

/** The release that runs and the one before, as Kamal versions. */
export interface Releases {
  readonly current: string;
  readonly previous: string;
}

/** A container of the sandbox: how to create it, and whether it runs or is left over from an old release. */
export interface SandboxContainer {
  readonly name: string;
  readonly running: boolean;
  readonly options: ContainerCreateOptions;
}

const service = "wallet-core";
const destination = "staging";
export const appImage = "registry.example/schoolable/wallet-core";
export const redisImage = "registry.example/redis:7-alpine";

/** Deploy tags of now and of yesterday. */
export function releasesAt(now: Date): Releases {
  return { current: deployTag(now), previous: deployTag(new Date(now.getTime() - 86_400_000)) };
}

function deployTag(date: Date): string {
  return `deploy-${date.toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-")}-${destination}`;
}

/**
 * The containers of one host as Kamal 2 makes them with `-d staging` (names, labels, environment and host names),
 * in the order in which they are made: the web of the previous release, which is stopped, web, runner and worker of the current one, and
 * redis as an accessory.
 */
export function kamalContainers(releases: Releases): readonly SandboxContainer[] {
  return [
    app("web", releases.previous, { script: webScript, running: false }),
    app("web", releases.current, { script: webScript, port: 8080, healthcheck: "wget -q -O /dev/null http://127.0.0.1:8080/up" }),
    app("runner", releases.current, { script: jobScript("runner", 2) }),
    app("worker", releases.current, { script: jobScript("worker", 1) }),
    {
      name: `${service}-redis`,
      running: true,
      options: {
        Image: redisImage,
        Labels: { service: `${service}-redis` },
        Env: [`KAMAL_HOST=${hostname()}`],
        ...command(loop(`echo "1:M $(date -u '+%d %b %Y %H:%M:%S') * 100 changes in 300 seconds. Saving..."`, 10)),
        ...published(6379),
      },
    },
  ];
}

interface App {
  readonly script: string;
  readonly running?: boolean;
  readonly port?: number;
  readonly healthcheck?: string;
}

function app(role: string, version: string, { script, running = true, port, healthcheck }: App): SandboxContainer {
  const name = `${service}-${role}-${destination}-${version}`;
  const second = 1_000_000_000;
  return {
    name,
    running,
    options: {
      Image: `${appImage}:${version}`,
      Hostname: `${hostname().slice(0, 51).replace(/\.$/, "")}-${randomBytes(6).toString("hex")}`,
      Labels: { service, role, destination },
      Env: [
        `KAMAL_CONTAINER_NAME=${name}`,
        `KAMAL_VERSION=${version}`,
        `KAMAL_HOST=${hostname()}`,
        `KAMAL_DESTINATION=${destination}`,
      ],
      ...command(script),
      ...(port === undefined ? { HostConfig: {} } : published(port)),
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

function jobScript(role: string, seconds: number): string {
  return loop(
    `head -c 10000000 /dev/zero | md5sum > /dev/null
echo "$(date -u +%FT%TZ) INFO ${role} job $n done"
[ $((n % 11)) -ne 0 ] || echo "$(date -u +%FT%TZ) ERROR ${role} job $n failed: timeout contacting provider" >&2`,
    seconds,
  );
}
