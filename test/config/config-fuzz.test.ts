import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTokensFile, TokensFileError } from "../../src/auth/tokens-file.ts";
import { checkCommand } from "../../src/cli/check.ts";
import type { CommandContext } from "../../src/cli/command.ts";
import { indexesCommand } from "../../src/cli/indexes.ts";
import { serveCommand } from "../../src/cli/serve.ts";
import { parseConfig } from "../../src/config/config.ts";
import { ConfigError } from "../../src/config/reader.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createSources, toQueueOptions } from "../../src/sources.ts";

const prefix = "WALLET_CORE_OPS_";
const token = { [`${prefix}TOKEN`]: "0123456789abcdef" };

/**
 * What is wrong with a configuration; none when it can be used. Everything but a ConfigError is
 * thrown.
 */
function issuesOf(name: string, value: string, text = ""): readonly string[] {
  try {
    const config = parseConfig({ ...token, [`${prefix}${name}`]: value }, () => text);
    toQueueOptions(config, silentLogger);
    // Keeps the passwords of its URLs for the life of the process.
    if (name === "DOCKER_HOSTS") void createSources(config, silentLogger).close();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.issues;
    throw error;
  }
}

/** Messages have no letter of U..Z in capitals but in these words, nor four digits in a row. */
const words = /WALLET_CORE_OPS_[A-Z_]*|U\\+0000/g;
const piece = /[U-Z0-9]{4}/;
const letters = fc.stringMatching(/^[U-Z0-9]{4,12}$/);
const signs = fc.constantFrom(
  "",
  "%",
  "%zz",
  "%ff",
  "%00",
  "%2C",
  "@",
  ":",
  "/",
  "?",
  "#",
  ",",
  "=",
  "&",
  "&env=",
  "[",
  "]",
  " ",
  "\\\\",
  '"',
);
const password = fc
  .array(fc.oneof(letters, letters, signs), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join(""));
const noise = fc
  .array(fc.oneof(fc.string({ unit: "binary", maxLength: 5 }), signs), { maxLength: 6 })
  .map((parts) => parts.join(""));
const scheme = fc.constantFrom(
  "unix",
  "tcp",
  "ssh",
  "http",
  "https",
  "postgres",
  "postgresql",
  "redis",
  "rediss",
  "amqp",
  "x",
);
const url = fc
  .tuple(scheme, password, fc.constantFrom("h", "h:1", "h:70000", "", "[::1]", "h h"), noise)
  .map(([name, secret, host, rest]) => `${name}://ops:${secret}@${host}${rest}`);

describe("a bad value", () => {
  it.each([
    "DOCKER_HOSTS",
    "DATABASE_URL",
    "CONTROL_DATABASE_URL",
    "RABBITMQ_URL",
    "REDIS_URL",
    "PROMETHEUS_URL",
    "LOG_HISTORY_URL",
  ])("of %s is reported with its name and without its password", (name) => {
    const given =
      name === "DOCKER_HOSTS"
        ? fc.oneof(
            url,
            url.map((text) => `web-1=${text}`),
            fc.array(url).map((list) => list.join()),
          )
        : url;
    fc.assert(
      fc.property(given, (value) => {
        for (const issue of issuesOf(name, value)) {
          expect(issue).toMatch(new RegExp(`^${prefix}${name}(?: must be |: )[^\\n]+$`));
          expect(issue.replaceAll(words, "")).not.toMatch(piece);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("of DOCKER_HOSTS is an engine or a mistake, whatever the text", () => {
    const parts = fc.constantFrom(
      "unix:///",
      "tcp://",
      "ssh://o@",
      "a=",
      ",",
      "?",
      "&",
      "control=",
      "key=/k",
      "known_hosts=/h",
      "certs=",
      "%2F",
    );
    const text = fc.array(fc.oneof(parts, noise), { maxLength: 10 }).map((list) => list.join(""));
    fc.assert(
      fc.property(text, (value) => {
        for (const issue of issuesOf("DOCKER_HOSTS", value)) expect(issue).toContain(`${prefix}DOCKER_HOSTS`);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ["web-1=tcp://ops:canary@h", "entry 1 (web-1=tcp://h): tcp:// takes no user name or password"],
    ["unix:///a, ssh://ops:canary@web-2?key=/k", "entry 2 (ssh://web-2): ssh:// takes no password: give a key"],
    ["web-1=tcp://h:1,web-2=tcp://ops:12/can?ary@h", "entry 2: unknown option (known: env, control, certs)"],
    ["web-2=https://ops:canary@h", "entry 1: unknown scheme (known: unix://, tcp://, ssh://)"],
    ["tcp://ops:can:ary@h:1", "entry 1 (tcp://h:1): tcp:// takes no user name or password"],
    ["unix:///a%ff", "entry 1 (unix:///a%ff): its percent-encoding does not decode to text (write a % as %25)"],
    ["ops:canary@h", "entry 1: unknown scheme (known: unix://, tcp://, ssh://)"],
    ["tcp://h:1?cert=/run", "entry 1 (tcp://h:1): unknown option (known: env, control, certs)"],
    ["unix:///a?control=tcp://ops:canary@h", "entry 1: control= tcp:// takes no user name or password"],
  ])("of DOCKER_HOSTS is reported with its entry: %s", (value, problem) => {
    expect(issuesOf("DOCKER_HOSTS", value)).toEqual([`${prefix}DOCKER_HOSTS: ${problem}`]);
  });

  it("of DOCKER_HOSTS hides the address that a password's comma may make", () => {
    expect(issuesOf("DOCKER_HOSTS", "unix:///a,ssh://ops:@canary,@web-2?key=/k")).toEqual([
      `${prefix}DOCKER_HOSTS: entry 2: needs ?key=FILE&known_hosts=FILE`,
      expect.stringContaining(`${prefix}DOCKER_HOSTS: entry 3: is not [name=] and `),
    ]);
  });

  it.each([
    ["DATABASE_URL", "postgres://ops:%ff@h/db"],
    ["DATABASE_URL", "postgres:ops:canary"],
    ["REDIS_URL", "redis://:50%@h"],
    ["REDIS_URL", "redis://h/orders"],
    ["REDIS_URL", "redis:h"],
  ])("of %s that its driver cannot read is reported: %s", (name, value) => {
    expect(issuesOf(name, value)).toEqual([expect.stringContaining(`${prefix}${name} must be a `)]);
  });

  it.each([
    ["DATABASE_URL", "postgres://ops:50%@h/db?sslmode=require"],
    ["DATABASE_URL", "postgresql:///db?host=/run/postgresql"],
    ["REDIS_URL", "rediss://:p%40ss@h:6380/2"],
  ])("of %s that is reported cannot be read by its driver: %s", (name, value) => {
    expect(issuesOf(name, value)).toEqual([]);
  });

  it("of QUEUES_FILE is reported without the file's content", () => {
    const keys = fc.constantFrom("name", "kind", "url", "table", "password", "sources", "id", "names", "done");
    const value = fc.oneof(
      password,
      fc.integer(),
      fc.constant(null),
      fc.array(password),
      fc.record({ column: password, form: password }),
    );
    const entries = fc.dictionary(keys, value);
    const text = fc.oneof(
      entries.map((entry) => JSON.stringify({ sources: [entry] })),
      entries.map((entry) => JSON.stringify({ detect: true, ...entry })),
      password.map((secret) => `{"sources":[{"url":${secret}}]}`),
      password,
    );
    fc.assert(
      fc.property(text, (written) => {
        for (const issue of issuesOf("QUEUES_FILE", "/run/queues.json", written)) {
          expect(issue.startsWith(`${prefix}QUEUES_FILE: /run/queues.json: `)).toBe(true);
          expect(issue.replaceAll(words, "")).not.toMatch(piece);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("of TOKENS_FILE quotes nothing, not even a token used as a key", () => {
    const read = (text: string): string => {
      try {
        parseTokensFile("/run/tokens.json", text, Date.parse("2025-12-01T00:00:00Z"));
        return "";
      } catch (error) {
        if (error instanceof TokensFileError) return error.message;
        throw error;
      }
    };
    const entry = {
      kid: "ab12",
      subject: "x",
      sha256: "0".repeat(64),
      scopes: ["ops:read"],
      environments: ["staging"],
      expires_at: "2026-01-01T00:00:00Z",
    };
    const changed = fc
      .tuple(fc.constantFrom(...Object.keys(entry)), password)
      .map(([key, text]) => JSON.stringify([{ ...entry, [key]: text }]));
    const added = password.map((text) => JSON.stringify([{ ...entry, [text]: text }]));
    fc.assert(
      fc.property(fc.oneof(changed, added, password), (text) => {
        expect(read(text)).not.toMatch(piece);
      }),
      { numRuns: 1000 },
    );
    expect(() => parseTokensFile("/t", JSON.stringify([{ ...entry, expire_at: 1 }]), 0)).toThrow("expire_at");
  });

  it("of a secret's file shows no secret that was given as its path", () => {
    const missing = () => {
      throw Object.assign(new Error(), { code: "ENOENT" });
    };
    for (const value of ["postgres://ops:canary@h/db", "ops_ab12_canary"]) {
      expect(() => parseConfig({ ...token, [`${prefix}DATABASE_URL_FILE`]: value }, missing)).toThrow(
        `${prefix}DATABASE_URL_FILE cannot be read (ENOENT)`,
      );
    }
  });

  it("ends every command with 78 and one line for each mistake", async () => {
    const bad: readonly (readonly [name: string, value: string, text: string])[] = [
      ["DOCKER_HOSTS", "unix:///a%ff,web-2=tcp://ops:canary@h", ""],
      ["DATABASE_URL", "postgres://ops:canary%ff@h", ""],
      ["REDIS_URL", "redis://:canary%@h", ""],
      ["QUEUES_FILE", "/run/queues.json", '{"password": canary}'],
      ["TOKENS_FILE", "/run/tokens.json", '["canary"]'],
    ];
    for (const [name, value, text] of bad) {
      for (const command of [serveCommand, checkCommand, indexesCommand]) {
        if (command === indexesCommand && name === "TOKENS_FILE") continue;
        const lines: string[] = [];
        const print = (line: string) => void lines.push(...line.split("\n"));
        const env = { ...token, [`${prefix}${name}`]: value };
        const context: CommandContext = {
          args: [],
          env,
          readFile: () => text,
          print,
          printError: print,
          stop: AbortSignal.abort(),
        };
        expect(await command(context), name).toBe(78);
        expect(lines.length).toBeGreaterThan(0);
        for (const line of lines) expect(line).toContain(`${prefix}${name}`);
        expect(lines.join("\n")).not.toMatch(/canary|\bat /);
      }
    }
  });
});
