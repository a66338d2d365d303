import { describe, expect, it } from "vitest";
import { ConfigError, parseConfig } from "../src/config.ts";

const token = { WALLET_CORE_OPS_TOKEN: "0123456789abcdef" };
const noFiles = (path: string): string => {
  throw Object.assign(new Error(path), { code: "ENOENT" });
};

function issuesOf(env: Record<string, string>, readFile = noFiles): readonly string[] {
  try {
    parseConfig(env, readFile);
  } catch (error) {
    if (error instanceof ConfigError) return error.issues;
    throw error;
  }
  return [];
}

describe("parseConfig", () => {
  it("has the documented defaults", () => {
    expect(parseConfig(token, noFiles)).toEqual({
      host: "127.0.0.1",
      port: 4000,
      auth: { token: "0123456789abcdef", tokensFile: null, jwt: null },
      containers: { services: ["wallet-core"], core: [], destinations: new Map() },
      trustedProxies: expect.objectContaining({ rules: [] }),
      env: null,
      engines: [{ name: "local", env: null, address: { kind: "unix", socketPath: "/var/run/docker.sock" }, control: null }],
      databaseUrl: null,
      controlDatabaseUrl: null,
      brokers: { rabbitmq: null, redis: null },
      queuesFile: null,
      prometheusUrl: "http://prometheus:9090",
      thresholds: { cpu: 0.85, mem: 0.85 },
      deployInfoPath: "./deploy_info.json",
      kamalAuditLog: null,
      restart: false,
      jobs: false,
      healthExec: false,
      restartLimits: { cooldownMs: 60_000, budgetPerHour: 10 },
      auditFile: "./audit.jsonl",
      metricsAddress: null,
      logLevel: "info",
    });
  });

  it("reads trusted proxies: addresses and blocks of both families", () => {
    const list = "10.1.2.3/8, 192.0.2.7,2001:db8::/32 , ::1, ::ffff:203.0.113.0/120";
    const { trustedProxies } = parseConfig({ ...token, WALLET_CORE_OPS_TRUSTED_PROXIES: list }, noFiles);
    const trusts = (address: string) => trustedProxies.check(address, address.includes(":") ? "ipv6" : "ipv4");
    const trusted = ["10.255.0.1", "::ffff:10.0.0.1", "192.0.2.7", "2001:db8:ffff::1", "::1", "203.0.113.9"];
    expect(trusted.filter((address) => !trusts(address))).toEqual([]);
    const others = ["11.0.0.1", "192.0.2.8", "2001:db9::1", "::2", "203.0.114.1", "::ffff:11.0.0.1"];
    expect(others.filter(trusts)).toEqual([]);
  });

  it.each([
    "proxy.internal",
    "10.0.0.0/33",
    "10.0.0.0/",
    "2001:db8::/129",
    "300.1.1.1",
    "10.0.0.1:80",
    "10.0.0.1 10.0.0.2",
    "*",
    "010.0.0.1",
  ])("refuses the trusted proxy %s by its name", (entry) => {
    expect(issuesOf({ ...token, WALLET_CORE_OPS_TRUSTED_PROXIES: `127.0.0.1, ${entry}` })).toEqual([
      `WALLET_CORE_OPS_TRUSTED_PROXIES: "${entry}" is not an IP address or a block such as 10.0.0.0/8`,
    ]);
  });

  it("refuses to run without any token, in one line", () => {
    expect(issuesOf({})).toHaveLength(1);
    expect(issuesOf({})[0]).toContain("no token is configured");
  });

  it("lists every mistake at once and no secret", () => {
    const issues = issuesOf({
      WALLET_CORE_OPS_TOKEN: "secret short",
      WALLET_CORE_OPS_PORT: "70000",
      WALLET_CORE_OPS_ENV: "prod",
      WALLET_CORE_OPS_DATABASE_URL: "mysql://user:hunter2@db/x",
      WALLET_CORE_OPS_PROMETHEUS_URL: "ftp://x",
      WALLET_CORE_OPS_RABBITMQ_URL: "amqp://ops:hunter2@rabbit",
      WALLET_CORE_OPS_REDIS_URL: "ops:hunter2@redis",
      WALLET_CORE_OPS_CPU_THRESHOLD: "85",
      WALLET_CORE_OPS_RESTART: "yes",
      WALLET_CORE_OPS_RESTART_COOLDOWN: "1m",
      WALLET_CORE_OPS_RESTART_BUDGET: "0",
      WALLET_CORE_OPS_LOG_LEVEL: "loud",
      WALLET_CORE_OPS_QUEUES_FILE: "/nowhere.json",
      WALLET_CORE_OPS_DOCKER_HOST: "unix:///typo",
      WALLET_CORE_OPS_DOCKER_HOSTS: "unix://a/b,ssh://web-1,tcp://h:1?x=1,a=tcp://h:1,a=tcp://h:2",
    });
    expect(issues.map((issue) => issue.replace("WALLET_CORE_OPS_", "").split(/[ :]/)[0])).toEqual([
      "DOCKER_HOST",
      "TOKEN",
      "QUEUES_FILE",
      "PORT",
      "ENV",
      "DOCKER_HOSTS",
      "DOCKER_HOSTS",
      "DOCKER_HOSTS",
      "DOCKER_HOSTS",
      "DATABASE_URL",
      "RABBITMQ_URL",
      "REDIS_URL",
      "PROMETHEUS_URL",
      "CPU_THRESHOLD",
      "RESTART",
      "RESTART_COOLDOWN",
      "RESTART_BUDGET",
      "LOG_LEVEL",
    ]);
    expect(issues.join("\n")).not.toMatch(/hunter2|secret short/);
  });

  it("reads secrets from files, and refuses two sources for one", () => {
    const files: Record<string, string> = { "/run/token": "0123456789abcdef\n", "/run/db": "postgres://u:p@h/d" };
    const readFile = (path: string) => files[path] ?? noFiles(path);
    const env = { WALLET_CORE_OPS_TOKEN_FILE: "/run/token", WALLET_CORE_OPS_DATABASE_URL_FILE: "/run/db" };
    expect(parseConfig(env, readFile)).toMatchObject({ auth: { token: "0123456789abcdef" }, databaseUrl: "postgres://u:p@h/d" });
    expect(issuesOf({ ...env, ...token }, readFile)[0]).toContain("both set");
    expect(issuesOf({ WALLET_CORE_OPS_TOKEN_FILE: "/gone" })[0]).toContain("cannot be read: /gone (ENOENT)");
    expect(issuesOf({ ...token, WALLET_CORE_OPS_PORT_FILE: "/run/db" })[0]).toContain("unknown");
  });

  it("lets jobs be operated on only with a role for that", () => {
    const on = { ...token, WALLET_CORE_OPS_JOBS: "on" };
    const control = "postgres://operator:canary-secret@db/app";
    expect(issuesOf(on)).toEqual([
      "WALLET_CORE_OPS_JOBS is on: set WALLET_CORE_OPS_CONTROL_DATABASE_URL to the URL of a role that may change the job tables",
    ]);
    expect(issuesOf({ ...on, WALLET_CORE_OPS_CONTROL_DATABASE_URL: "http://canary-secret" })).toEqual([
      expect.stringMatching(/^WALLET_CORE_OPS_CONTROL_DATABASE_URL must be a postgres:\/\/ URL, percent-encoded [^\n]*$/),
    ]);
    const file = { ...on, WALLET_CORE_OPS_CONTROL_DATABASE_URL_FILE: "/run/secrets/control" };
    expect(parseConfig(file, () => `${control}\n`)).toMatchObject({ jobs: true, controlDatabaseUrl: control });
  });

  const containersOf = (env: Record<string, string>) => parseConfig({ ...token, ...env }, noFiles).containers;

  it("parses services, destinations and selectors", () => {
    const env = {
      WALLET_CORE_OPS_SERVICE: "wallet-core, payments",
      WALLET_CORE_OPS_DESTINATIONS: "prod=production, Beta=staging",
      WALLET_CORE_OPS_CORE: "com.example/team=wallet, tier = core;solo;empty=",
    };
    expect(containersOf(env)).toEqual({
      services: ["wallet-core", "payments"],
      destinations: new Map([
        ["prod", "production"],
        ["beta", "staging"],
      ]),
      core: [
        new Map([
          ["com.example/team", "wallet"],
          ["tier", "core"],
        ]),
        new Map([["solo", null]]),
        new Map([["empty", ""]]),
      ],
    });
  });

  it.each([
    ["SERVICE", "wallet-core,", 'but "" is not one'],
    ["SERVICE", "wallet core", 'but "wallet core" is not one'],
    ["SERVICE", "a,b,a", 'names "a" twice'],
    ["DESTINATIONS", "beta=staging,qa", 'but "qa" is not'],
    ["DESTINATIONS", "beta=prod", 'but "beta=prod" is not'],
    ["DESTINATIONS", "beta=staging,", 'but "" is not'],
    ["DESTINATIONS", "beta=staging,Beta=production", 'names "beta" twice'],
    ["CORE", "a=1;", 'but "" is not one'],
    ["CORE", "=wallet", 'but "=wallet" is not one'],
    ["CORE", "a b", 'but "a b" is not one'],
    ["CORE", "a=1,a=2", 'names the label "a" twice in "a=1,a=2"'],
  ])("refuses %s=%s and names the entry", (name, value, problem) => {
    const issues = issuesOf({ ...token, [`WALLET_CORE_OPS_${name}`]: value });
    expect(issues).toHaveLength(1);
    expect(issues[0]).toMatch(new RegExp(`^WALLET_CORE_OPS_${name} `));
    expect(issues[0]).toContain(problem);
  });

  it("parses engines with names, environments and certificates", () => {
    const DOCKER_HOSTS =
      "web-1=unix:///run/ops/web-1.sock?env=staging, tcp://10.0.0.5?certs=/run/tls&env=production,tcp://[::1]:2375";
    expect(parseConfig({ ...token, WALLET_CORE_OPS_DOCKER_HOSTS: DOCKER_HOSTS }, noFiles).engines).toEqual([
      { name: "web-1", env: "staging", address: { kind: "unix", socketPath: "/run/ops/web-1.sock" }, control: null },
      {
        name: "10.0.0.5",
        env: "production",
        address: {
          kind: "tcp",
          host: "10.0.0.5",
          port: 2376,
          tls: { ca: "/run/tls/ca.pem", cert: "/run/tls/cert.pem", key: "/run/tls/key.pem" },
        },
        control: null,
      },
      { name: "::1", env: null, address: { kind: "tcp", host: "::1", port: 2375, tls: null }, control: null },
    ]);
  });

  const engineOf = (DOCKER_HOSTS: string) =>
    parseConfig({ ...token, WALLET_CORE_OPS_DOCKER_HOSTS: DOCKER_HOSTS }, noFiles).engines[0];

  it("parses an engine with another address for restarts, plain or percent-encoded", () => {
    const read = { kind: "unix", socketPath: "/run/read.sock" };
    expect(engineOf("web-1=unix:///run/read.sock?control=unix:///run/restart.sock&env=staging")).toEqual({
      name: "web-1",
      env: "staging",
      address: read,
      control: { kind: "unix", socketPath: "/run/restart.sock" },
    });
    const ssh = encodeURIComponent("ssh://ops@web-1/run/restart.sock?key=/k&known_hosts=/h");
    expect(engineOf(`unix:///run/read.sock?control=${ssh}`)).toMatchObject({
      name: "read",
      control: { kind: "ssh", socketPath: "/run/restart.sock", key: "/k", knownHosts: "/h" },
    });
    for (const bad of ["http://x", "unix://x", "unix:///x%3Fenv=staging", "tcp://h:1?control=unix:///y", ""]) {
      const issues = issuesOf({ ...token, WALLET_CORE_OPS_DOCKER_HOSTS: `unix:///run/read.sock?control=${bad}` });
      expect(issues, bad).toMatchObject([expect.stringContaining("control=")]);
    }
  });

  it("parses an engine behind SSH, whose host must be known", () => {
    expect(engineOf("ssh://ops@[::1]:2222/run/docker.sock?key=/run/ssh/id&known_hosts=/run/ssh/known")).toEqual({
      name: "::1",
      env: null,
      address: {
        kind: "ssh",
        host: "::1",
        port: 2222,
        user: "ops",
        key: "/run/ssh/id",
        knownHosts: "/run/ssh/known",
        socketPath: "/run/docker.sock",
      },
      control: null,
    });
    expect(engineOf("ssh://ops@web-1?key=/k&known_hosts=/h")?.address).toMatchObject({
      port: 22,
      socketPath: "/var/run/docker.sock",
    });
    for (const bad of [
      "ssh://ops@web-1?key=/k",
      "ssh://ops@web-1",
      "ssh://web-1?key=/k&known_hosts=/h",
      "ssh://ops:hunter2@h?key=/k",
    ]) {
      const issues = issuesOf({ ...token, WALLET_CORE_OPS_DOCKER_HOSTS: bad });
      expect(issues).toHaveLength(1);
      expect(issues[0]).not.toContain("hunter2");
    }
  });

  it("wants all three JWT settings or none", () => {
    expect(issuesOf({ WALLET_CORE_OPS_JWKS_URL: "https://idp/keys" })[0]).toContain("must be set together");
    const jwt = { WALLET_CORE_OPS_JWKS_URL: "http://idp", WALLET_CORE_OPS_JWT_ISSUER: "i", WALLET_CORE_OPS_JWT_AUDIENCE: "a" };
    expect(issuesOf(jwt)[0]).toContain("https://");
  });
});
