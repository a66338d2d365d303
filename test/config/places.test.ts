import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { ConfigError } from "../../src/config/reader.ts";
import { toSecrets } from "../../src/config/secrets.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { listPlaces } from "../../src/queues/places.ts";
import { toQueueOptions } from "../../src/sources.ts";

const prefix = "WALLET_CORE_OPS_";
const token = { [`${prefix}TOKEN`]: "0123456789abcdef" };
const withPrefix = (env: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(env).map(([name, value]) => [prefix + name, value]));
const parse = (env: Readonly<Record<string, string>>, file = "") =>
  parseConfig({ ...token, ...withPrefix(env) }, () => file);

function issuesOf(env: Readonly<Record<string, string>>): readonly string[] {
  try {
    parse(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.issues;
    throw error;
  }
}

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/);
/** Parts of URLs, some with what a list is made of. */
const part = fc
  .array(fc.constantFrom("a", "Z9", ",", "=", "b=c", ",d=", "%2C", "-", ".", ";", "postgres:", "x=http:"), {
    minLength: 1,
    maxLength: 6,
  })
  .map((parts) => parts.join(""));
const urlOf = (scheme: string) =>
  fc.tuple(part, part).map(([password, path]) => {
    const encoded = path.replaceAll(",", "%2C").replaceAll(";", "%3B");
    return `${scheme}://ops:${password}@host:1/${scheme === "redis" ? "" : encoded}`;
  });
const listOf = (scheme: string) =>
  fc.uniqueArray(fc.tuple(name, urlOf(scheme)), { minLength: 1, maxLength: 6, selector: ([one]) => one });
const variables = [
  ["DATABASE_URL", "postgres", (config: ReturnType<typeof parse>) => config.databaseUrl],
  ["RABBITMQ_URL", "http", (config: ReturnType<typeof parse>) => config.brokers.rabbitmq],
  ["REDIS_URL", "redis", (config: ReturnType<typeof parse>) => config.brokers.redis],
] as const;

describe.each(variables)("%s", (variable, scheme, valueOf) => {
  it("has every URL of a list by its name", () => {
    const between = fc.constantFrom(",", ", ", ",\n", " ,\n  ");
    const equals = fc.constantFrom("=", " = ", "= ", " =");
    fc.assert(
      fc.property(listOf(scheme), between, equals, fc.boolean(), (list, comma, equal, isFile) => {
        const text = list.map((entry) => entry.join(equal)).join(comma);
        const config = isFile ? parse({ [`${variable}_FILE`]: "/run/urls" }, `${text}\n`) : parse({ [variable]: text });
        expect(valueOf(config)).toEqual(new Map(list));
      }),
      { numRuns: 500 },
    );
  });

  it("has one URL without a name as it is written", () => {
    fc.assert(
      fc.property(urlOf(scheme), (url) => {
        expect(valueOf(parse({ [variable]: url }))).toBe(url);
      }),
      { numRuns: 500 },
    );
  });

  it("has the secrets of every URL in a list", () => {
    const word = fc.stringMatching(/^[U-Z0-9]{8,12}$/);
    fc.assert(
      fc.property(fc.uniqueArray(word, { minLength: 1, maxLength: 5 }), (words) => {
        const text = words.map((secret, index) => `n${index}=${scheme}://ops:${secret}@h`).join();
        expect(toSecrets(parse({ [variable]: text }))).toEqual(expect.arrayContaining(words));
      }),
    );
  });

  // Redis has no path but the number of a database.
  const refusal = scheme === "redis" ? "must be " : "has more than one URL";
  it.each<[string, string]>([
    [`${scheme}://u:canary@a,${scheme}://u:canary@b`, "entry 1 has no name; entry 2 has no name"],
    [`${scheme}://u:canary@a,b=${scheme}://u:canary@b`, "entry 1 has no name"],
    [`a=${scheme}://u:canary@a, ${scheme}://u:canary@b`, "entry 2 has no name"],
    [`a=${scheme}://u:canary@a,b=${scheme}://b,a=${scheme}://u:canary@c`, "entry 3 has the name of entry 1"],
    [`a=${scheme}://u:canary@a,b=ftp://u:canary@b`, "entry 2 must be "],
    [`a=${scheme}://u:canary@a,can ary=${scheme}://b`, "the name of entry 2 must be 1 to 32 letters, digits, "],
    [`=${scheme}://u:canary@a`, "the name of entry 1 must be "],
    [`a=${scheme}://u:canary@a/s1;b=${scheme}://u:canary@b/s2`, `entry 1 ${refusal}`],
    [`a=${scheme}://u:canary@a/s1,b=${scheme}:u:canary@b/s2`, `entry 1 ${refusal}`],
    [`a=${scheme}://u:canary@a/s1,b=`, `entry 1 ${refusal}`],
    [`a=${scheme}://u:canary@a/s1,`, `entry 1 ${refusal}`],
    [`${"canary".repeat(6)}=${scheme}://a`, "the name of entry 1 must be "],
    ["host=canary user=canary", "entry 1 must be "],
  ])("refuses %s and shows the form", (value, problem) => {
    const [issue = "", ...others] = issuesOf({ [variable]: value });
    expect(others).toEqual([]);
    const form = `must be one URL, or several with a name each (shop=${scheme}://..,billing=${scheme}://..): `;
    expect(issue.startsWith(`${prefix}${variable} ${form}${problem}`), issue).toBe(true);
    expect(issue).not.toContain("canary");
  });

  it("is not two URLs without a comma between them", () => {
    const [one, two] = [`${scheme}://u:canary@a`, `${scheme}://u:canary@b/2`];
    for (const text of [`${one}/1 ${two}`, `${one}/1;${two}`, `${one}?s=1&b=${two}`, `${one}/1 billing = ${two}`]) {
      const [issue = "no issue"] = issuesOf({ [variable]: text });
      expect(issue).toContain(`${prefix}${variable} must be `);
      expect(issue).not.toContain("canary");
    }
  });

  it("is refused without a part of any password", () => {
    const word = fc.stringMatching(/^[U-Z0-9]{4,12}$/);
    const sign = fc.constantFrom("", ",", "=", ",=", "@", "/", "%ff", " ", "?", "#", ":");
    const secret = fc.array(fc.oneof(word, sign), { minLength: 1, maxLength: 6 }).map((parts) => parts.join(""));
    const entry = fc
      .tuple(fc.constantFrom("", "a=", "b=", "=", "c d="), fc.constantFrom(scheme, "ftp"), secret)
      .map(([start, own, password]) => `${start}${own}://ops:${password}@h`);
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 4 }), (entries) => {
        for (const issue of issuesOf({ [variable]: entries.join() })) {
          expect(issue).toMatch(new RegExp(`^${prefix}${variable} must be [^\\n]+$`));
          expect(issue.replaceAll(/WALLET_CORE_OPS_[A-Z_]*|URL|API/g, "")).not.toMatch(/[U-Z0-9]{4}/);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("CONTROL_DATABASE_URL", () => {
  const databases = "shop=postgres://h/shop,billing=postgres://h/billing";

  it("has the names of the databases, or some of them", () => {
    const control = "billing=postgres://operator@h/billing";
    expect(parse({ DATABASE_URL: databases, CONTROL_DATABASE_URL: control, JOBS: "on" })).toMatchObject({
      jobs: true,
      controlDatabaseUrl: new Map([["billing", "postgres://operator@h/billing"]]),
    });
    expect(issuesOf({ DATABASE_URL: databases, JOBS: "on" })).toEqual([
      `${prefix}JOBS is on: set ${prefix}CONTROL_DATABASE_URL to the URL of a role that may change the job tables`,
    ]);
  });

  it.each([
    [databases, "biling=postgres://h/b", `names biling: ${prefix}DATABASE_URL has shop, billing`],
    [databases, "postgres://h/b", `must name its databases as ${prefix}DATABASE_URL does: shop, billing`],
    ["postgres://h/b", "shop=postgres://h/b", `names shop: ${prefix}DATABASE_URL has no names`],
    ["", "shop=postgres://h/b", `names shop: ${prefix}DATABASE_URL has no names`],
  ])("beside %j is not %j", (read, control, problem) => {
    const env = { DATABASE_URL: read, CONTROL_DATABASE_URL: control };
    expect(issuesOf(env)).toEqual([`${prefix}CONTROL_DATABASE_URL ${problem}`]);
    expect(issuesOf({ ...env, PORT: "x" })).toHaveLength(2);
  });
});

it("the settings of docs/queues.md have the names that its text says", () => {
  const page = readFileSync("docs/queues.md", "utf8");
  const section = page.slice(page.indexOf("### Several databases"), page.indexOf("### The environment of a queue"));
  const blocks = [...section.matchAll(/^```(\w+)\n(.*?)^```/gms)].map(([, language, text = ""]) => ({
    language,
    text,
  }));
  const settings = blocks.filter(({ language }) => language === "text").map(({ text }) => text);
  const [rails, products, ...others] = settings.map((text) => {
    const env = Object.fromEntries([...text.matchAll(/^(\w+?)=(.+)$/gm)].map(([, key, value]) => [key ?? "", value]));
    return { env, config: parseConfig({ ...token, ...env }, () => "") };
  });
  const namesOf = (urls: Parameters<typeof listPlaces>[0] | undefined) =>
    listPlaces(urls ?? null).map(({ name: place }) => place);
  expect(others).toEqual([]);
  expect(namesOf(rails?.config.databaseUrl)).toEqual(["primary", "queue"]);
  expect(namesOf(products?.config.databaseUrl)).toEqual(["shop", "billing"]);
  expect(namesOf(products?.config.controlDatabaseUrl)).toEqual(["shop"]);
  expect(namesOf(products?.config.brokers.redis)).toEqual(["shop", "billing"]);
  const file = blocks.find(({ language }) => language === "json")?.text ?? "";
  const env = { ...token, ...products?.env, [`${prefix}QUEUES_FILE`]: "/q.json" };
  const { sources } = toQueueOptions(
    parseConfig(env, () => file),
    silentLogger,
  );
  expect(sources).toMatchObject([{ database: "shop" }, { broker: "billing" }]);
});
