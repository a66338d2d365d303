import type { DocBlock } from "./doc-blocks.ts";

/**
 * Blocks, of any language, that a test of their own runs: their page, a text in the block, and the
 * test, which must read the page.
 */
export const ownTests: readonly { readonly page: string; readonly has: string; readonly test: string }[] = [
  { page: "docs/client.md", has: "fetch(SLACK_WEBHOOK", test: "test/script/programs.test.ts" },
  { page: "docs/client.md", has: "A CI gate", test: "test/script/programs.test.ts" },
  { page: "docs/client.md", has: "Errors of jobs in the last hour", test: "test/script/programs.test.ts" },
  { page: "docs/client.md", has: "openapi-typescript openapi.json", test: "test/integration/openapi-clients.test.ts" },
  { page: "docs/client.md", has: 'from "openapi-fetch"', test: "test/integration/openapi-clients.test.ts" },
  { page: "docs/client.md", has: "./ops/client.gen.js", test: "test/integration/openapi-clients.test.ts" },
  { page: "docs/configuration.md", has: "ok    configuration", test: "test/integration/check.test.ts" },
  { page: "docs/scaling.md", has: "create role wallet_core_ops_state", test: "test/integration/replicas.test.ts" },
  { page: "docs/scaling.md", has: "wallet-core-ops migrate", test: "test/integration/replicas.test.ts" },
  { page: "docs/scaling.md", has: "up --build --wait", test: "test/integration/compose-replicas.test.ts" },
  { page: "docs/scaling.md", has: "build gateway-1", test: "test/integration/compose-replicas.test.ts" },
  { page: "docs/scaling.md", has: "pg_ctl promote", test: "test/integration/compose-replicas.test.ts" },
  { page: "docs/scaling.md", has: "--force state-2", test: "test/integration/compose-replicas.test.ts" },
  { page: "docs/scaling.md", has: "latencyMs", test: "test/fleet/fleet-docs.test.ts" },
  { page: "docs/mcp.md", has: "mcpServers", test: "test/integration/mcp.test.ts" },
  { page: "docs/queues.md", has: "create table app.deliveries", test: "test/integration/queues-docs.test.ts" },
  { page: "docs/queues.md", has: "shop_production_queue", test: "test/config/places.test.ts" },
  { page: "docs/queues.md", has: "postgres://ops_control:", test: "test/config/places.test.ts" },
  { page: "docs/queues.md", has: '"database": "shop"', test: "test/config/places.test.ts" },
];

export function hasOwnTest({ page, text }: DocBlock): boolean {
  return ownTests.some((row) => row.page === page && text.includes(row.has));
}

/** How a command of the pages is run by test/integration/docs-commands.test.ts. */
export interface DocRow {
  /** The whole command. The first row that matches counts. */
  readonly pattern: RegExp;
  /** Exit codes that are right. @default 0 */
  readonly codes?: readonly number[];
  /** What its output must have. */
  readonly prints?: RegExp;
  /** For what goes on until Ctrl-C: that comes once this is in the output. */
  readonly until?: RegExp;
  /** Once this is in the output, the job that runs in the stage ends. */
  readonly jobEndsAt?: RegExp;
  /** What a person types once `after` is in the output; it runs in a terminal then. */
  readonly typed?: { readonly after: RegExp; readonly text: string };
  /** What stdin has; `TOKEN` is a token. */
  readonly stdin?: string;
  /** It changes the shell for the commands after it in its block. */
  readonly isDefinition?: boolean;
  /** With a token of staging alone, where the role is not also of production. */
  readonly inStaging?: boolean;
  /** Only the first line of what is shown is compared: the heading of a table. */
  readonly isTable?: boolean;
  /** Where it runs: an empty folder, this repository, or a copy of its deploy/. @default empty */
  readonly folder?: "empty" | "repository" | "copy";
  /** The shell that it is for; a machine without it does not run the command. @default bash */
  readonly shell?: string;
  /** What the shell has read before, and what shows afterwards that the command worked. */
  readonly before?: string;
  readonly after?: string;
  /** Why it is not run. All else of the row does not count then, but `files`. */
  readonly notHere?: string;
  /** Files that must exist, and what each must contain. */
  readonly files?: Readonly<Record<string, readonly string[]>>;
}

const ours = /^(?:npm exec --no -- )?wallet-core-ops /.source;
const suite = "it is the suite that this test belongs to";
const images = "it pulls images of registries; test/integration/compose-up.test.ts starts it with images made here";

export const docRows: readonly DocRow[] = [
  { pattern: /^curl -H "Authorization: Bearer \$TOKEN" "?http:\/\/127\.0\.0\.1:4000\// },
  { pattern: /^subscribe\(\) \{/, isDefinition: true },
  { pattern: /^subscribe '/, until: /^data: .*\n/m },
  // The token is asked for on a terminal, or read from stdin.
  { pattern: /^wallet-core-ops login /, stdin: "TOKEN", prints: /production/ },
  {
    pattern: /^eval "\$\(wallet-core-ops completion bash\)"$/,
    after: "complete -p wallet-core-ops",
    prints: /^complete .*wallet-core-ops$/m,
  },
  {
    pattern: /^eval "\$\(wallet-core-ops completion zsh\)"$/,
    shell: "zsh",
    before: "autoload -U compinit; compinit -u",
    after: "echo completed by $_comps[wallet-core-ops]",
    prints: /completed by \S/,
  },
  {
    pattern: /^wallet-core-ops completion fish > ~\/\.config\/fish\/completions\/wallet-core-ops\.fish$/,
    after: "cat ~/.config/fish/completions/wallet-core-ops.fish",
    prints: /^complete .*wallet-core-ops/m,
  },
  { pattern: /^wallet-core-ops ps$/, isTable: true },
  { pattern: /^wallet-core-ops logs -f /, inStaging: true, until: /from / },
  { pattern: /^wallet-core-ops logs \S+ --tail all > web\.log$/, after: "cat web.log", prints: /from / },
  { pattern: /^wallet-core-ops logs \S+ --since / },
  { pattern: /^wallet-core-ops logs web$/, inStaging: true, prints: /from / },
  { pattern: /^wallet-core-ops (?:problems|explain)\b/, prints: /\S/ },
  { pattern: /^wallet-core-ops restart /, typed: { after: /\[y\/N\] $/, text: "y\n" } },
  { pattern: /^wallet-core-ops wait /, jobEndsAt: /not yet/ },
  { pattern: /^wallet-core-ops verdict .* --fail-on regressed$/, codes: [3] },
  { pattern: /^wallet-core-ops verdict$/, codes: [0, 3] },
  { pattern: /^wallet-core-ops top$/, typed: { after: /payouts-worker/, text: "q" }, prints: /1049l/ },
  { pattern: /^wallet-core-ops COMMAND --help$/, prints: /Usage|usage/ },
  { pattern: new RegExp(`${ours}token(?: --|$)`), folder: "repository", codes: [0, 2], prints: /ops:read|--subject/ },
  { pattern: new RegExp(`${ours}audit verify$`), folder: "repository", prints: /^ok .* head seq 1 / },
  { pattern: new RegExp(`${ours}migrate$`), folder: "repository", codes: [78], prints: /STATE_URL is not set/ },
  { pattern: /^WALLET_CORE_OPS_PORT=4100 WALLET_CORE_OPS_REGIONS=\S+ wallet-core-ops fleet$/, until: /"listening"/ },
  { pattern: new RegExp(`${ours}fleet$`), folder: "repository", codes: [78], prints: /no region is configured/ },
  // No engine and no database is there: both say so.
  { pattern: new RegExp(`${ours}check$`), folder: "repository", codes: [1], prints: /docker/i },
  { pattern: new RegExp(`${ours}indexes$`), folder: "repository", codes: [1, 78], prints: /DATABASE_URL/ },
  {
    pattern: /^ALERT_TO=\S+ deploy\/compose\/prepare$/,
    folder: "copy",
    files: { "deploy/compose/prepare": ["receiver"] },
  },
  {
    pattern: /^(?:deploy\/compose\/prepare && )?docker compose --profile (?:alerts|grafana) up --wait$/,
    notHere: images,
    files: {
      "docker-compose.yml": ["profiles: [alerts]", "profiles: [grafana]"],
      "test/integration/compose.test.ts": [
        'composeConfig(["docker-compose.yml"], "grafana")',
        'composeConfig(["docker-compose.yml"], "alerts")',
      ],
      "test/integration/compose-up.test.ts": ['profiles: ["grafana", "alerts"]', '"--wait"'],
    },
  },
  {
    pattern: /^docker compose exec gateway node \/app\/cli\.cjs check$/,
    notHere: images,
    files: { "docker-compose.yml": ["  gateway:"], Dockerfile: ["/app", "cli.cjs"] },
  },
  { pattern: /^docker compose ps gateway$/, notHere: images, files: { "docker-compose.yml": ["  gateway:"] } },
  {
    pattern: /^docker run --rm -it -e OPS_URL -e OPS_TOKEN IMAGE ps$/,
    notHere: "test/integration/image.test.ts builds the image and runs it",
    files: { "test/integration/image.test.ts": ["docker"] },
  },
  {
    pattern: /^wallet-core-ops mcp$/,
    notHere: "a program asks it, not a person: test/terminal/mcp.test.ts does",
    files: { "test/terminal/mcp.test.ts": ['"src/cli.ts", "mcp"'] },
  },
  {
    pattern: /^claude mcp add /,
    notHere: "it is a program of others; test/integration/mcp.test.ts connects the official clients in both ways",
    files: { "test/integration/mcp.test.ts": ["StdioClientTransport", "connectMcp"] },
  },
  {
    pattern: /^node dist\/cli\.cjs$/,
    notHere: "test/integration/package.test.ts builds it and runs it",
    files: { "test/integration/package.test.ts": ["cli.cjs"] },
  },
  {
    pattern: /^script\/demo(?: --incident)?$/,
    notHere:
      "it starts Docker, PostgreSQL and Prometheus; test/integration/demo.test.ts and demo-incident.test.ts run it",
    files: {
      "script/demo": [],
      "test/integration/demo.test.ts": ["demo"],
      "test/integration/demo-incident.test.ts": ["incident"],
    },
  },
  { pattern: new RegExp(`${ours}--version$`), folder: "repository", prints: /^\d+\.\d+\.\d+/ },
  {
    pattern: /^npm ci --omit=dev$/,
    notHere:
      "it would remove the packages of the suite; test/script/packages.test.ts reads what is needed without them",
    files: { "test/script/packages.test.ts": ["no devDependencies"] },
  },
  { pattern: /^npm run build$/, notHere: "the suite runs after it", files: { "script/build.ts": [] } },
  {
    pattern: /^npm start$/,
    notHere: "it needs an engine; test/integration/serve.test.ts runs it",
    files: { "package.json": ['"start":'] },
  },
  { pattern: /^export WALLET_CORE_OPS_TOKEN=\$\(head -c 24 /, isDefinition: true },
  {
    pattern: /^(?:export )?(?:(?:WALLET_CORE_OPS_\w+|DOCKER_GID|SERVICE|OPS_ENV)=(?:\$\([^)]*\)|\S+) ?)+$/,
    isDefinition: true,
  },
  { pattern: /^echo "\$WALLET_CORE_OPS_TOKEN"$/, prints: /^[\w-]{32}$/m },
  { pattern: /^deploy\/compose\/prepare$/, folder: "copy" },
  {
    pattern:
      /^docker compose (?:ls|-f docker-compose\.yml -f deploy\/socket-proxy\/compose\.yml up --build --wait|\.\.\. up)$/,
    notHere: images,
    files: { "test/integration/compose.test.ts": ["deploy/socket-proxy/compose.yml"] },
  },
  {
    pattern: /^docker (?:build --tag|push) example\/wallet-core-ops:\S+(?: \.)?$/,
    notHere: "test/integration/image.test.ts builds the image; nothing is published",
    files: { "test/integration/image.test.ts": ["--build-arg"], Dockerfile: ["cli.cjs"] },
  },
  {
    pattern: /^useradd --system --uid 10001 .*\bops$|^install -d -m 700 -o ops /,
    notHere: "it changes the machine",
    files: {
      "deploy/replicas/kamal.yml": ['"10001:999"', "/var/lib/wallet-core-ops-socket", "/var/lib/wallet-core-ops-ssh"],
    },
  },
  {
    pattern: /^kamal setup -c deploy\/replicas\/kamal\.yml$/,
    notHere: "there is no Kamal; test/integration/kamal-accessory.test.ts reads the file",
    files: { "test/integration/kamal-accessory.test.ts": ["deploy/replicas/kamal.yml"] },
  },
  {
    pattern: /^kamal accessory (?:boot ops|boot ops-socket|exec ops --reuse "node \/app\/cli\.cjs check")$/,
    notHere: "there is no Kamal; test/integration/kamal-accessory.test.ts runs what it would run",
    files: {
      "test/integration/kamal-accessory.test.ts": ["ops-socket"],
      "deploy/kamal/accessory/deploy.yml": ["ops-socket:", "ops:"],
    },
  },
  {
    pattern:
      /^(?:npm install --global \S+\.tgz|install .*|head -c 24 \/dev\/urandom .*|echo \S+ >\/etc\/wallet-core-ops\/env|systemctl .*)$/,
    notHere: "it changes the machine; test/integration/systemd.test.ts does it in a namespace",
    files: { "test/integration/systemd.test.ts": ["wallet-core-ops.service"] },
  },
  { pattern: /^script\/test$/, notHere: suite, files: { "script/test": [] } },
  {
    pattern: /^npm run panels -- --url \S+ --token \S+ --dashboard overview --var env=PRODUCTION$/,
    notHere: "test/integration/grafana-panels.test.ts draws all dashboards by the same code",
    files: {
      "package.json": ['"panels":'],
      "script/grafana/draw/main.ts": ["--url URL", "--token TOKEN", "--dashboard", "--var"],
    },
  },
  { pattern: /^npm run check:panels$/, notHere: suite, files: { "package.json": ['"check:panels":'] } },
  { pattern: /^npm run check$/, notHere: suite, files: { "package.json": ['"check":'] } },
  {
    pattern: /^(?:OPS_TEST_SERVICES=\w+ )?npx vitest run --project \w+ (?:test\/[\w/.-]+|-t "drain")$/,
    notHere: suite,
    files: {
      "test/queues/state.test.ts": [],
      "test/http/server-drain.test.ts": ["drain"],
      "test/integration/queues-river.test.ts": [],
      "test/integration/docker-logs.test.ts": [],
    },
  },
  {
    pattern: /^\(cd wallet-core-ops && npm ci --omit=dev && npm pack --pack-destination \.\.\)$/,
    notHere: "it installs packages of the registry; test/integration/package.test.ts packs and installs ours",
    files: { "test/integration/package.test.ts": ["npm", "pack"] },
  },
  {
    pattern: /^npm install \.\/wallet-core-ops-[\d.]+\.tgz$/,
    notHere: "test/integration/package.test.ts installs the package",
    files: { "test/integration/package.test.ts": ["install"] },
  },
];

/** What follows the command before it: its exit code. */
export const exitCode = "echo $?";

export function findRow(command: string): DocRow | undefined {
  return command === exitCode ? { pattern: /^echo \$\?$/ } : docRows.find(({ pattern }) => pattern.test(command));
}
