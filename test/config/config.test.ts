import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { ConfigError } from "../../src/config/reader.ts";

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
      auth: { token: "0123456789abcdef", tokensFile: null, jwt: null, oidc: null },
      containers: { services: ["wallet-core"], core: [], destinations: new Map() },
      trustedProxies: expect.objectContaining({ rules: [] }),
      env: null,
      engines: [
        { name: "local", env: null, address: { kind: "unix", socketPath: "/var/run/docker.sock" }, control: null },
      ],
      cgroupRoot: "/sys/fs/cgroup",
      databaseUrl: null,
      controlDatabaseUrl: null,
      brokers: { rabbitmq: null, redis: null },
      queuesFile: null,
      prometheusUrl: "http://prometheus:9090",
      logHistoryUrl: null,
      thresholds: { cpu: 0.85, mem: 0.85 },
      deployInfoPath: "./deploy_info.json",
      given: { product: false, prometheusUrl: false, deployInfoPath: false },
      kamalAuditLog: null,
      restart: false,
      jobs: false,
      healthExec: false,
      mcp: { on: false, actions: false },
      restartLimits: { cooldownMs: 60_000, budgetPerHour: 10 },
      auditFile: "./audit.jsonl",
      auditAnchor: null,
      stateUrl: null,
      stateDays: 90,
      metricsAddress: null,
      logLevel: "info",
      tracing: null,
    });
  });

  it.each([
    [{ PROMETHEUS_URL: "http://prometheus:9090" }, ["prometheusUrl"]],
    [{ PROMETHEUS_URL_FILE: "/run/url" }, ["prometheusUrl"]],
    [{ PROMETHEUS_URL: "", DEPLOY_INFO_PATH: "./deploy_info.json", SERVICE: "" }, ["deployInfoPath"]],
    [{ SERVICE: "wallet-core" }, ["product"]],
    [{ CORE: "tier=core" }, ["product"]],
  ])("knows which parts were configured: %j", (env, names) => {
    const { given } = parseConfig({ ...token, ...withPrefix(env) }, () => "http://prometheus:9090");
    expect(Object.entries(given).flatMap(([name, isGiven]) => (isGiven ? [name] : []))).toEqual(names);
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
  ])("refuses the trusted proxy %s and names it", (entry) => {
    expect(issuesOf({ ...token, WALLET_CORE_OPS_TRUSTED_PROXIES: `127.0.0.1, ${entry}` })).toEqual([
      `WALLET_CORE_OPS_TRUSTED_PROXIES: "${entry}" is not an IP address or a block such as 10.0.0.0/8`,
    ]);
  });

  it("refuses to run without a token, in one line", () => {
    expect(issuesOf({})).toHaveLength(1);
    expect(issuesOf({})[0]).toContain("no token is configured");
  });

  it("lists every mistake at once and no secret", () => {
    const issues = issuesOf({
      WALLET_CORE_OPS_TOKEN: "secret short",
      WALLET_CORE_OPS_PORT: "70000",
      WALLET_CORE_OPS_ENV: "qa",
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
      "LOG_LEVEL",
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
    ]);
    expect(issues.join("\n")).not.toMatch(/hunter2|secret short/);
  });

  it("reads secrets from files, and refuses two sources for one", () => {
    const files: Record<string, string> = { "/run/token": "0123456789abcdef\n", "/run/db": "postgres://u:p@h/d" };
    const readFile = (path: string) => files[path] ?? noFiles(path);
    const env = { WALLET_CORE_OPS_TOKEN_FILE: "/run/token", WALLET_CORE_OPS_DATABASE_URL_FILE: "/run/db" };
    expect(parseConfig(env, readFile)).toMatchObject({
      auth: { token: "0123456789abcdef" },
      databaseUrl: "postgres://u:p@h/d",
    });
    expect(issuesOf({ ...env, ...token }, readFile)[0]).toContain("both set");
    expect(issuesOf({ WALLET_CORE_OPS_TOKEN_FILE: "/gone" })[0]).toContain("cannot be read: /gone (ENOENT)");
    expect(issuesOf({ ...token, WALLET_CORE_OPS_PORT_FILE: "/run/db" })[0]).toContain("unknown");
  });

  it("refuses the record itself as the file of its heads", () => {
    const same = {
      ...token,
      WALLET_CORE_OPS_AUDIT_FILE: "/a/../a/b.jsonl",
      WALLET_CORE_OPS_AUDIT_ANCHOR: "/a/b.jsonl",
    };
    expect(issuesOf(same)).toEqual([
      "WALLET_CORE_OPS_AUDIT_ANCHOR and WALLET_CORE_OPS_AUDIT_FILE are the same file: heads would break the record",
    ]);
  });

  it("allows changes of jobs only with a role for them", () => {
    const on = { ...token, WALLET_CORE_OPS_JOBS: "on" };
    const control = "postgres://operator:canary-secret@db/app";
    expect(issuesOf(on)).toEqual([
      "WALLET_CORE_OPS_JOBS is on: set WALLET_CORE_OPS_CONTROL_DATABASE_URL to the URL of a role that may change the job tables",
    ]);
    expect(issuesOf({ ...on, WALLET_CORE_OPS_CONTROL_DATABASE_URL: "http://canary-secret" })).toEqual([
      expect.stringMatching(
        /^WALLET_CORE_OPS_CONTROL_DATABASE_URL must be a postgres:\/\/ URL, percent-encoded [^\n]*$/,
      ),
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
    ["DESTINATIONS", "beta=test", 'but "beta=test" is not'],
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

  it("parses an engine with a second address for restarts", () => {
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

  it("parses an engine behind SSH, whose host key must be known", () => {
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

  it("requires all three JWT settings or none of them", () => {
    expect(issuesOf({ WALLET_CORE_OPS_JWKS_URL: "https://idp/keys" })[0]).toContain("must be set together");
    const jwt = {
      WALLET_CORE_OPS_JWKS_URL: "http://idp",
      WALLET_CORE_OPS_JWT_ISSUER: "i",
      WALLET_CORE_OPS_JWT_AUDIENCE: "a",
    };
    expect(issuesOf(jwt)[0]).toContain("https://");
  });
});

const prefix = "WALLET_CORE_OPS_";
const withPrefix = (env: Record<string, string>) =>
  Object.fromEntries(Object.entries(env).map(([name, value]) => [prefix + name, value]));
const issuesWith = (env: Record<string, string>, readFile = noFiles) =>
  issuesOf({ ...token, ...withPrefix(env) }, readFile);

const encoded = "percent-encoded where a name or password has one of : / ? # @ %";
const httpForm = "must be an http:// or https:// URL";
const postgresForm = `must be a postgres:// URL, ${encoded}`;
const redisForm = `must be a redis:// or rediss:// URL, ${encoded}`;
const rabbitForm = "must be the http:// or https:// URL of the management API";
const loopback =
  "must be a loopback address with a port, such as 127.0.0.1:9464 or [::1]:9464: what it serves needs no token";
const share = "must be a number from 0 to 1";
const levels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

/** Each kind of value: what is taken, as it is then, and what is refused, with what it must be. */
const values = {
  PORT: [
    [
      ["0", 0],
      ["65535", 65_535],
      ["00080", 80],
    ],
    ["65536", "123456", "-1", "8x", "x8", "1.5", " "],
    "must be a port, 0 to 65535",
  ],
  ENV: [
    [
      ["staging", "staging"],
      ["production", "production"],
      ["Prod", "production"],
      ["stg", "staging"],
    ],
    ["qa", "prod-eu", " "],
    "must be staging or production",
  ],
  DATABASE_URL: [
    [["postgres://u:p@h/d"], ["postgresql://h"], ["postgres://u%41:a%b%@h/d%zz"], ["postgres://h/%E2%82%AC"]].map(
      ([value]) => [value, value],
    ),
    [
      "mysql://h/d",
      "postgres:h",
      "xpostgres://h",
      "h/d",
      " postgres://h",
      "postgres://%ff@h",
      "postgres://u:%ff@h",
      "postgres://h/%ff",
      "postgres://h/%00",
    ],
    postgresForm,
  ],
  CGROUP_ROOT: [[["/host/sys/fs/cgroup", "/host/sys/fs/cgroup"]], ["cgroup", "./x"], "must be an absolute path"],
  CONTROL_DATABASE_URL: [[["postgres://h/d", "postgres://h/d"]], ["mysql://h"], postgresForm],
  RABBITMQ_URL: [
    ["http://h", "https://u:p@h/x"].map((value) => [value, value]),
    ["amqp://h", "http:h", "h", "http://"],
    rabbitForm,
  ],
  REDIS_URL: [
    ["redis://h", "rediss://u:%41@h/", "redis://h/0", "redis://h/123456789"].map((value) => [value, value]),
    ["http://h", "redis:h", "redis://h/1234567890", "redis://h/a", "redis://h/0/", "redis://%ff@h", "redis://u:%ff@h"],
    redisForm,
  ],
  PROMETHEUS_URL: [
    ["http://h:1/x", "https://h"].map((value) => [value, value]),
    ["ftp://h", "prometheus:9090"],
    httpForm,
  ],
  LOG_HISTORY_URL: [["http://h:1/x", "https://u:p@h"].map((value) => [value, value]), ["ftp://h", "vl:9428"], httpForm],
  CPU_THRESHOLD: [
    [
      ["0", 0],
      ["1", 1],
      ["0.5", 0.5],
      [".25", 0.25],
      ["1.00", 1],
      ["0.0", 0],
      ["0.125", 0.125],
    ],
    ["1.5", "1.01", "85", "-1", "1.", ".", "00.5", "1e-1", "x0.5", "0.5x", "2"],
    share,
  ],
  MEM_THRESHOLD: [[["0.75", 0.75]], ["1.01"], share],
  RESTART: [
    [
      ["on", true],
      ["off", false],
    ],
    ["yes", "true", "ON"],
    "must be on or off",
  ],
  HEALTH_EXEC: [
    [
      ["on", true],
      ["off", false],
    ],
    ["1"],
    "must be on or off",
  ],
  JOBS: [[["off", false]], ["0"], "must be on or off"],
  MCP: [
    [
      ["on", true],
      ["off", false],
    ],
    ["yes"],
    "must be on or off",
  ],
  MCP_ACTIONS: [[["off", false]], ["yes"], "must be on or off"],
  RESTART_COOLDOWN: [
    [
      ["0", 0],
      ["1", 1000],
      ["3600", 3_600_000],
    ],
    ["3601", "-1", "1.5", "1m", "x1", "0000000001"],
    "must be seconds, 0 to 3600",
  ],
  RESTART_BUDGET: [
    [
      ["1", 1],
      ["10000", 10_000],
      ["000000001", 1],
    ],
    ["0", "10001", "1x"],
    "must be a whole number, 1 to 10000",
  ],
  METRICS_ADDRESS: [[["[::1]:9464", { host: "::1", port: 9464 }]], ["9464", "10.0.0.1:9464"], loopback],
  LOG_LEVEL: [levels.map((level) => [level, level]), ["loud", "INFO"], `must be one of ${levels.join(", ")}`],
  HOST: [[["0.0.0.0", "0.0.0.0"]], [], ""],
  DEPLOY_INFO_PATH: [[["/d.json", "/d.json"]], [], ""],
  KAMAL_AUDIT_LOG: [[["/k.log", "/k.log"]], [], ""],
  AUDIT_FILE: [[["/a.jsonl", "/a.jsonl"]], [], ""],
  AUDIT_ANCHOR: [
    [
      ["/a.jsonl", "/a.jsonl"],
      ["https://u:p@a.example/heads?k=v", "https://u:p@a.example/heads?k=v"],
      ["HTTPS://A.example/heads", "HTTPS://A.example/heads"],
    ],
    [
      "heads.jsonl",
      "http://a.example",
      "HTTP://a.example",
      "ftp://a.example",
      "http:/one-slash",
      "https:/one-slash",
      "https:a.example",
      "file:///a.jsonl",
      "https://",
    ],
    "must be the absolute path of a file, or an https:// URL",
  ],
} as unknown as Readonly<Record<string, readonly [(readonly [string, unknown])[], readonly string[], string]>>;

/** Where each of them is in the configuration. */
const places: Readonly<Record<string, (config: ReturnType<typeof parseConfig>) => unknown>> = {
  PORT: ({ port }) => port,
  ENV: ({ env }) => env,
  CGROUP_ROOT: ({ cgroupRoot }) => cgroupRoot,
  DATABASE_URL: ({ databaseUrl }) => databaseUrl,
  CONTROL_DATABASE_URL: ({ controlDatabaseUrl }) => controlDatabaseUrl,
  RABBITMQ_URL: ({ brokers }) => brokers.rabbitmq,
  REDIS_URL: ({ brokers }) => brokers.redis,
  PROMETHEUS_URL: ({ prometheusUrl }) => prometheusUrl,
  LOG_HISTORY_URL: ({ logHistoryUrl }) => logHistoryUrl,
  CPU_THRESHOLD: ({ thresholds }) => thresholds.cpu,
  MEM_THRESHOLD: ({ thresholds }) => thresholds.mem,
  RESTART: ({ restart }) => restart,
  HEALTH_EXEC: ({ healthExec }) => healthExec,
  JOBS: ({ jobs }) => jobs,
  MCP: ({ mcp }) => mcp.on,
  MCP_ACTIONS: ({ mcp }) => mcp.actions,
  RESTART_COOLDOWN: ({ restartLimits }) => restartLimits.cooldownMs,
  RESTART_BUDGET: ({ restartLimits }) => restartLimits.budgetPerHour,
  METRICS_ADDRESS: ({ metricsAddress }) => metricsAddress,
  LOG_LEVEL: ({ logLevel }) => logLevel,
  HOST: ({ host }) => host,
  DEPLOY_INFO_PATH: ({ deployInfoPath }) => deployInfoPath,
  KAMAL_AUDIT_LOG: ({ kamalAuditLog }) => kamalAuditLog,
  AUDIT_FILE: ({ auditFile }) => auditFile,
  AUDIT_ANCHOR: ({ auditAnchor }) => auditAnchor,
  STATE_URL: ({ stateUrl }) => stateUrl,
  STATE_DAYS: ({ stateDays }) => stateDays,
};

it("the actions of agents need the door of agents", () => {
  const withActions = { ...token, WALLET_CORE_OPS_MCP_ACTIONS: "on" };
  expect(() => parseConfig(withActions, () => "")).toThrow("WALLET_CORE_OPS_MCP_ACTIONS needs WALLET_CORE_OPS_MCP=on");
  expect(parseConfig({ ...withActions, WALLET_CORE_OPS_MCP: "on" }, () => "").mcp).toEqual({ on: true, actions: true });
});

describe.each(Object.entries(values))("the variable %s", (name, [taken, refused, form]) => {
  it.each(taken)("the value %j is parsed as %j", (value, expected) => {
    expect(places[name]?.(parseConfig({ ...token, [prefix + name]: value }, noFiles))).toEqual(expected);
  });
  it.each(refused.map((value) => [value]))("the value %j is refused with what is allowed", (value) => {
    expect(issuesWith({ [name]: value })).toEqual([`${prefix}${name} ${form}`]);
  });
});

describe("a token", () => {
  it.each(["a".repeat(16), "a".repeat(4096), "AZaz09._~+/-0123===", "0123456789abcdef="])("%s is accepted", (value) => {
    expect(parseConfig({ WALLET_CORE_OPS_TOKEN: value }, noFiles).auth).toEqual({
      token: value,
      tokensFile: null,
      jwt: null,
      oidc: null,
    });
  });
  it.each([
    "a".repeat(15),
    "a".repeat(4097),
    "=0123456789abcdef",
    "0123456789abcdef ",
    " 0123456789abcdef",
    "0123456789ab:def",
  ])("%s is refused", (value) => {
    expect(issuesOf({ WALLET_CORE_OPS_TOKEN: value })).toEqual([
      "WALLET_CORE_OPS_TOKEN must be at least 16 characters of A-Z a-z 0-9 . _ ~ + / -",
    ]);
  });
  const none =
    "no token is configured: set WALLET_CORE_OPS_TOKENS_FILE (make an entry with `wallet-core-ops token`), WALLET_CORE_OPS_TOKEN or WALLET_CORE_OPS_JWKS_URL";
  it("is required in one way, unless there are other mistakes", () => {
    expect(issuesOf({})).toEqual([none]);
    expect(issuesOf({ WALLET_CORE_OPS_TOKEN: "" })).toEqual([none]);
    expect(issuesOf(withPrefix({ PORT: "x" }))).toEqual([none, "WALLET_CORE_OPS_PORT must be a port, 0 to 65535"]);
    expect(issuesOf(withPrefix({ JWT_ISSUER: "i" }))).toHaveLength(1);
    expect(parseConfig({ WALLET_CORE_OPS_TOKENS_FILE: "t" }, noFiles).auth).toEqual({
      token: null,
      tokensFile: "t",
      jwt: null,
      oidc: null,
    });
    const jwt = withPrefix({ JWKS_URL: "https://idp/keys", JWT_ISSUER: "i", JWT_AUDIENCE: "a" });
    expect(parseConfig(jwt, noFiles).auth).toEqual({
      token: null,
      tokensFile: null,
      jwt: { jwksUrl: "https://idp/keys", issuer: "i", audience: "a" },
      oidc: null,
    });
  });
  it("lets people sign in with the issuer of accepted tokens", () => {
    const jwt = {
      JWKS_URL: "https://idp/keys",
      JWT_ISSUER: "https://idp",
      JWT_AUDIENCE: "a",
      OIDC_CLIENT_ID: "console",
    };
    const scope = "openid offline_access ops:read ops:logs ops:operate";
    const oidc = { issuer: "https://idp", audience: "a", clientId: "console", scope };
    expect(parseConfig(withPrefix(jwt), noFiles).auth.oidc).toEqual(oidc);
    expect(parseConfig(withPrefix({ ...jwt, OIDC_SCOPE: "openid x" }), noFiles).auth.oidc?.scope).toBe("openid x");
    const mistakes = (changes: Record<string, string>) => issuesOf(withPrefix(changes)).join(" ");
    expect(mistakes({ ...jwt, JWT_ISSUER: "http://idp" })).toContain("JWT_ISSUER must be an https:// URL");
    expect(mistakes({ TOKEN: "0123456789abcdef", OIDC_CLIENT_ID: "c" })).toContain("OIDC_CLIENT_ID needs");
    expect(mistakes({ TOKEN: "0123456789abcdef", OIDC_SCOPE: "s" })).toContain("OIDC_SCOPE needs");
  });
});

describe("JWT settings", () => {
  const all = { JWKS_URL: "https://idp/keys", JWT_ISSUER: "i", JWT_AUDIENCE: "a" };
  it.each(Object.keys(all))("without %s are refused", (name) => {
    expect(issuesWith({ ...all, [name]: "" })).toEqual([
      "WALLET_CORE_OPS_JWKS_URL, WALLET_CORE_OPS_JWT_ISSUER and WALLET_CORE_OPS_JWT_AUDIENCE must be set together",
    ]);
  });
  it.each(["http://idp/keys", "idp/keys"])("with the address %s are refused", (url) => {
    expect(issuesWith({ ...all, JWKS_URL: url })).toEqual(["WALLET_CORE_OPS_JWKS_URL must be an https:// URL"]);
  });
});

describe("a setting from a file", () => {
  const fails = (error: object) => () => {
    throw error;
  };
  it.each([
    ["/run/a-b_c.d", ": /run/a-b_c.d"],
    ["./a", ": ./a"],
    ["../a", ": ../a"],
    [".../a", ""],
    ["a/b", ""],
    ["/a b", ""],
    ["secret", ""],
  ])("%s that cannot be read is named only where it is a path", (path, shown) => {
    const issue = `WALLET_CORE_OPS_QUEUES_FILE cannot be read${shown} (EACCES)`;
    expect(issuesWith({ QUEUES_FILE: path }, fails({ code: "EACCES" }))).toEqual([issue]);
    expect(issuesWith({ QUEUES_FILE: path }, fails({}))).toEqual([issue.replace("EACCES", "error")]);
  });

  it("of queues is its path and its text", () => {
    const read = (path: string) => `text of ${path}\n`;
    const { queuesFile } = parseConfig({ ...token, ...withPrefix({ QUEUES_FILE: "/q.json" }) }, read);
    expect(queuesFile).toEqual({ path: "/q.json", text: "text of /q.json\n" });
  });

  it.each(["DATABASE_URL", "CONTROL_DATABASE_URL", "RABBITMQ_URL", "REDIS_URL", "PROMETHEUS_URL", "LOG_HISTORY_URL"])(
    "may hold %s, which must not be set beside it",
    (name) => {
      const value = values[name]?.[0][0]?.[0] ?? "";
      const env = { [`${name}_FILE`]: "/run/secret" };
      const config = parseConfig({ ...token, ...withPrefix(env) }, (path) =>
        path === "/run/secret" ? ` ${value}\n` : noFiles(path),
      );
      expect(places[name]?.(config)).toBe(value);
      expect(issuesWith({ ...env, [name]: value })).toEqual([
        `WALLET_CORE_OPS_${name} and WALLET_CORE_OPS_${name}_FILE are both set: keep one`,
      ]);
      expect(issuesWith(env)).toEqual([`WALLET_CORE_OPS_${name}_FILE cannot be read: /run/secret (ENOENT)`]);
      const fallback = name === "PROMETHEUS_URL" ? "http://prometheus:9090" : null;
      expect(places[name]?.(parseConfig({ ...token, ...withPrefix(env) }, () => " \n"))).toBe(fallback);
      expect(
        places[name]?.(parseConfig({ ...token, ...withPrefix({ [`${name}_FILE`]: "", [name]: "" }) }, noFiles)),
      ).toBe(fallback);
    },
  );
});

it.each([
  ["PROT", "did you mean WALLET_CORE_OPS_PORT?"],
  ["PROMETEUS_URL", "did you mean WALLET_CORE_OPS_PROMETHEUS_URL?"],
  ["PROMETHEUS", "did you mean WALLET_CORE_OPS_PROMETHEUS_URL?"],
  ["PROMETEUS_URL_FILE", "did you mean WALLET_CORE_OPS_PROMETHEUS_URL_FILE?"],
  ["DOCKER_HOST", "did you mean WALLET_CORE_OPS_DOCKER_HOSTS?"],
  ["PORT_FILE", "did you mean WALLET_CORE_OPS_PORT?"],
  ["RESTART_LIMIT", "did you mean WALLET_CORE_OPS_RESTART?"],
  ["DATABASE", "did you mean WALLET_CORE_OPS_DATABASE_URL or WALLET_CORE_OPS_CONTROL_DATABASE_URL?"],
  ["prot", "did you mean WALLET_CORE_OPS_PORT?"],
  ["", "remove it; `wallet-core-ops check --help` lists the known ones"],
  ["XYZZY", "remove it; `wallet-core-ops check --help` lists the known ones"],
])("an unknown variable %s is refused with the name that may be meant", (name, hint) => {
  expect(issuesWith({ [name]: "canary" })).toEqual([`WALLET_CORE_OPS_${name} is unknown: ${hint}`]);
});

it("variables that only contain our prefix are not ours", () => {
  expect(issuesOf({ ...token, PORT: "x", OTHER_WALLET_CORE_OPS_X: "1" })).toEqual([]);
});

it("a problem with an engine names its variable", () => {
  expect(issuesWith({ DOCKER_HOSTS: "unix://x,tcp://h/x" })).toEqual([
    "WALLET_CORE_OPS_DOCKER_HOSTS: entry 1 (unix://x): a Unix socket needs three slashes: unix:///path",
    "WALLET_CORE_OPS_DOCKER_HOSTS: entry 2 (tcp://h): is not tcp://host:port",
  ]);
});

it("JOBS without its URL is reported beside other mistakes", () => {
  expect(issuesWith({ JOBS: "on", PORT: "x" })).toEqual([
    "WALLET_CORE_OPS_PORT must be a port, 0 to 65535",
    "WALLET_CORE_OPS_JOBS is on: set WALLET_CORE_OPS_CONTROL_DATABASE_URL to the URL of a role that may change the job tables",
  ]);
});

it("JOBS is on with the URL that it needs", () => {
  const env = withPrefix({ JOBS: "on", CONTROL_DATABASE_URL: "postgres://h/d" });
  expect(parseConfig({ ...token, ...env }, noFiles)).toMatchObject({
    jobs: true,
    controlDatabaseUrl: "postgres://h/d",
  });
});

it("the configuration error has one line for each mistake", () => {
  const error = new ConfigError(["one", "two"]);
  expect([error.name, error.message, error.issues]).toEqual(["ConfigError", "one\ntwo", ["one", "two"]]);
});
