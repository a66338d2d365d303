import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { findProgram } from "../../script/services/process.ts";
import { parseConfig } from "../../src/config/config.ts";

interface Service {
  readonly image?: string;
  readonly networks?: object;
  readonly secrets?: readonly { readonly source: string }[];
  readonly user?: string;
  readonly read_only?: boolean;
  readonly privileged?: boolean;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly mem_limit?: string;
  readonly pids_limit?: number;
  readonly restart?: string;
  readonly group_add?: readonly string[];
  readonly healthcheck?: object;
  readonly command?: readonly string[] | null;
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly { readonly host_ip?: string }[];
  readonly volumes?: readonly {
    readonly type: string;
    readonly source: string;
    readonly target: string;
    readonly read_only?: boolean;
  }[];
}
type Services = Readonly<Record<string, Service>>;

/** What Compose itself makes of the files: the installed plugin or program, without a daemon. */
function composeConfig(files: readonly string[], profile?: string): Services {
  const command = findProgram("docker-compose") ?? "docker";
  const args = [
    ...(command === "docker" ? ["compose"] : []),
    ...files.flatMap((file) => ["-f", file]),
    ...(profile === undefined ? [] : ["--profile", profile]),
    "config",
    "--format",
    "json",
  ];
  const config = JSON.parse(execFileSync(command, args, { encoding: "utf8" })) as { services: Services };
  return config.services;
}

const plain = composeConfig(["docker-compose.yml"]);
const proxied = composeConfig(["docker-compose.yml", "deploy/socket-proxy/compose.yml"]);
const withGrafana = composeConfig(["docker-compose.yml"], "grafana");
const withAlerts = composeConfig(["docker-compose.yml"], "alerts");
const withReplicas = composeConfig(["docker-compose.yml", "deploy/replicas/compose.yml"]);
const replicas = Object.entries(withReplicas).filter(([name]) => !(name in plain) || name === "gateway");
const services = [
  ...Object.entries(plain),
  ...Object.entries(proxied).filter(([name]) => name === "socket-proxy"),
  ...Object.entries(withAlerts).filter(([name]) => name === "alertmanager"),
  ...Object.entries(withGrafana).filter(([name]) => name === "grafana"),
];

describe("docker-compose.yml", () => {
  it("has the four services, and the proxy in the overlay", () => {
    expect(Object.keys(plain).toSorted()).toEqual(["gateway", "node-exporter", "postgres", "prometheus"]);
    expect(Object.keys(proxied).toSorted()).toEqual([
      "gateway",
      "node-exporter",
      "postgres",
      "prometheus",
      "socket-proxy",
    ]);
  });

  it.each(services)("runs %s without rights that it does not need", (name, service) => {
    expect(service).toMatchObject({ read_only: true, cap_drop: ["ALL"], restart: "unless-stopped" });
    expect(service.security_opt).toContain("no-new-privileges:true");
    expect(service.user).toMatch(/^[1-9]\d*:\d+$/);
    expect(service.privileged ?? false).toBe(false);
    expect(service.cap_add ?? []).toEqual([]);
    expect(Number(service.mem_limit)).toBeGreaterThan(0);
    expect(service.pids_limit).toBeGreaterThan(0);
    // The gateway's is in its image: see image.test.ts.
    expect(service.healthcheck !== undefined || name === "gateway").toBe(true);
  });

  it("keeps secrets out of every environment", () => {
    for (const [, { environment = {} }] of services) {
      const secret = Object.keys(environment).filter((key) => /TOKEN|PASSWORD|SECRET|DATABASE_URL/.test(key));
      expect(secret.filter((key) => !key.endsWith("_FILE"))).toEqual([]);
    }
  });

  it("publishes ports on the loopback address alone, profiles included", () => {
    const published = services.filter(([, { ports }]) => ports);
    expect(published.map(([name]) => name)).toEqual(["gateway", "alertmanager", "grafana"]);
    for (const [, { ports }] of published) expect(ports).toMatchObject([{ host_ip: "127.0.0.1" }]);
  });

  it("mounts the socket alone, only into the gateway and its proxy", () => {
    const socketMounts = services.flatMap(([name, { volumes = [] }]) =>
      volumes
        .filter(({ source }) => /(^\/var\/run|docker\.sock)/.test(source))
        .map(({ source, read_only }) => ({ name, source, read_only })),
    );
    expect(socketMounts).toEqual([
      { name: "gateway", source: "/var/run/docker.sock", read_only: true },
      { name: "socket-proxy", source: "/var/run/docker.sock", read_only: true },
    ]);
  });

  it("removes the socket from the gateway when the proxy is used", () => {
    const gateway = proxied["gateway"];
    expect(gateway?.volumes?.map(({ target }) => target).toSorted()).toEqual([
      "/host/sys/fs/cgroup",
      "/run/deploy-info",
      "/run/docker-filtered",
      "/var/lib/wallet-core-ops",
    ]);
    expect(gateway?.group_add ?? []).toEqual([]);
  });

  it.each([
    ["plain", plain],
    ["proxied", proxied],
  ])("gives the gateway a valid configuration (%s)", (_, { gateway }) => {
    const files: Record<string, string> = {
      "/run/secrets/token": "ops_0123456789abcdef",
      "/run/secrets/database_url": "postgres://wallet_core_ops:x@postgres:5432/wallet_core",
    };
    const config = parseConfig(gateway?.environment ?? {}, (path) => files[path] ?? "");
    expect(config).toMatchObject({
      databaseUrl: files["/run/secrets/database_url"],
      prometheusUrl: "http://prometheus:9090",
    });
    expect(config.auth.token).toBe("ops_0123456789abcdef");
  });
});

describe("deploy/replicas/compose.yml", () => {
  const { migrate, ...running } = Object.fromEntries(replicas);

  it("has three gateways, two PostgreSQL, and HAProxy before both", () => {
    expect(Object.keys(running)).toEqual([
      "gateway",
      "gateway-1",
      "gateway-2",
      "gateway-3",
      "state",
      "state-1",
      "state-2",
    ]);
    expect(running["gateway"]?.image).toMatch(/^haproxy:/);
  });

  it.each(Object.entries(running))("gives %s no right that it does not need", (name, service) => {
    expect(service).toMatchObject({ read_only: true, cap_drop: ["ALL"], restart: "unless-stopped" });
    expect(service.security_opt).toEqual(["no-new-privileges:true"]);
    expect(service.user).toMatch(/^[1-9]\d*:\d+$/);
    expect(Number(service.mem_limit)).toBeGreaterThan(0);
    expect(service.pids_limit).toBeGreaterThan(0);
    // The gateway's is in its image: see image.test.ts.
    expect(service.healthcheck !== undefined || name.startsWith("gateway-")).toBe(true);
  });

  it("publishes HAProxy alone, on the loopback address", () => {
    const published = replicas.filter(([, { ports }]) => ports);
    expect(published.map(([name]) => name)).toEqual(["gateway"]);
    expect(published[0]?.[1].ports).toMatchObject([{ host_ip: "127.0.0.1" }]);
  });

  it("gives gateways what the one has, and the shared database", () => {
    const { gateway } = plain;
    const environment = {
      ...gateway?.environment,
      WALLET_CORE_OPS_STATE_URL_FILE: "/run/secrets/state_url",
      WALLET_CORE_OPS_TRUSTED_PROXIES: "172.16.0.0/12",
    };
    for (const name of ["gateway-1", "gateway-2", "gateway-3"]) {
      expect(running[name]).toMatchObject({ environment, volumes: gateway?.volumes });
      expect(running[name]?.secrets?.map(({ source }) => source)).toEqual([
        "token",
        "tokens",
        "database_url",
        "state_url",
      ]);
    }
    expect(migrate).toMatchObject({ environment, command: ["migrate"], restart: "no" });
    const files: Record<string, string> = {
      "/run/secrets/state_url": "postgres://wallet_core_ops_state:x@state:5432/wallet_core_ops",
      "/run/secrets/database_url": "postgres://wallet_core_ops:x@postgres:5432/wallet_core",
    };
    const config = parseConfig(environment, (path) => files[path] ?? "ops_0123456789abcdef");
    expect(config.stateUrl).toBe(files["/run/secrets/state_url"]);
  });
});

describe("the profile grafana", () => {
  const { grafana } = withGrafana;

  it("adds Grafana with both plugins at fixed versions, and nothing else", () => {
    expect(Object.keys(withGrafana).filter((name) => !(name in plain))).toEqual(["grafana"]);
    expect(grafana?.image).toMatch(/^grafana\/grafana:\d+\.\d+\.\d+$/);
    // Grafana 13 does not start without those of the first list: only the one that is maintained.
    expect(grafana?.environment).toMatchObject({
      GF_PLUGINS_PREINSTALL_SYNC: "yesoreyeram-infinity-datasource@3.11.1",
      GF_PLUGINS_PREINSTALL: "simpod-json-datasource@0.6.7",
    });
  });

  it("keeps its state in a volume and mounts what is provisioned read-only", () => {
    const volumes = grafana?.volumes?.map(({ type, target, read_only = false }) => ({ type, target, read_only }));
    expect(volumes).toEqual([
      { type: "bind", target: "/etc/grafana/provisioning", read_only: true },
      { type: "bind", target: "/etc/grafana/dashboards", read_only: true },
      { type: "volume", target: "/var/lib/grafana", read_only: false },
    ]);
  });

  it("passes the datasources' secrets and variables, not the database", () => {
    const text = readFileSync("deploy/grafana/provisioning/datasources/ops.yaml", "utf8").replace(/#.*/g, "");
    const files = [...text.matchAll(/\$__file\{\/run\/secrets\/(\w+)\}/g)].map(([, name]) => name);
    expect(grafana?.secrets?.map(({ source }) => source)).toEqual(expect.arrayContaining(files));
    const variables = [...text.matchAll(/\$([A-Z]\w+)/g)].map(([, name]) => name);
    expect(Object.keys(grafana?.environment ?? {})).toEqual(expect.arrayContaining(variables));
    expect(Object.keys(grafana?.networks ?? {}).toSorted()).toEqual(["edge", "metrics"]);
    expect(Object.keys(withGrafana["postgres"]?.networks ?? {})).toEqual(["upstreams"]);
  });

  it("starts on an existing dashboard", () => {
    const home = grafana?.environment?.["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] ?? "";
    const file = home.replace("/etc/grafana", "deploy/grafana");
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ uid: "ops-overview" });
  });
});

describe("the profile alerts", () => {
  const { alertmanager, prometheus } = withAlerts;

  it("adds the Alertmanager that Prometheus sends to, and nothing else", () => {
    expect(Object.keys(withAlerts).filter((name) => !(name in plain))).toEqual(["alertmanager"]);
    expect(alertmanager?.image).toMatch(/^prom\/alertmanager:v\d+\.\d+\.\d+$/);
    expect(readFileSync("deploy/prometheus/prometheus.yml", "utf8")).toContain('targets: ["alertmanager:9093"]');
    expect(Object.keys(alertmanager?.networks ?? {})).toContain("metrics");
    expect(Object.keys(prometheus?.networks ?? {})).toContain("metrics");
  });

  it("gives it the internet, but not the database", () => {
    expect(Object.keys(alertmanager?.networks ?? {}).toSorted()).toEqual(["edge", "metrics"]);
    expect(Object.keys(withAlerts["postgres"]?.networks ?? {})).toEqual(["upstreams"]);
  });

  it("gives Prometheus and Grafana the base URL of the runbooks", () => {
    expect(prometheus?.environment).toHaveProperty("RUNBOOKS");
    expect(withGrafana["grafana"]?.environment).toHaveProperty("RUNBOOKS");
  });
});

describe("the socket proxy's allow-list", () => {
  const flag = proxied["socket-proxy"]?.command?.find((argument) => argument.startsWith("-allowGET=")) ?? "";
  // The proxy anchors by plain concatenation, so an alternative outside a group would be open at
  // one end.
  const allowed = new RegExp(`^${flag.slice("-allowGET=".length)}$`);
  const id = "a".repeat(64);

  it.each([
    "/_ping",
    "/v1.45/version",
    "/v1.45/info",
    "/v1.45/containers/json",
    `/v1.45/containers/${id}/json`,
    `/v1.45/containers/${id}/logs`,
    "/v1.45/images/json",
    `/v1.45/images/sha256:${id}/json`,
  ])("lets %s through", (path) => expect(path).toMatch(allowed));

  it.each([
    "/v1.45/containers/web/json",
    `/v1.45/containers/${id}/archive`,
    `/v1.45/containers/${id}/top`,
    "/v1.45/images/web:v1/json",
    `/v1.45/images/sha256:${id}/history`,
    "/v1.45/secrets",
    "/_ping/../v1.45/secrets",
    `/x/v1.45/containers/${id}/json`,
  ])("refuses %s", (path) => expect(path).not.toMatch(allowed));

  it("allows no other method", () => {
    expect(
      proxied["socket-proxy"]?.command?.filter((argument) => argument.startsWith("-allow") && argument !== flag),
    ).toEqual(["-allowhealthcheck"]);
  });
});

describe("Dockerfile", () => {
  const lines = readFileSync("Dockerfile", "utf8").split("\n");

  it("takes its base image as an argument and runs nothing in its build", () => {
    expect(lines).toContain("FROM ${BASE_IMAGE}");
    expect(lines.filter((line) => line.startsWith("RUN"))).toEqual([]);
  });
});
