import { expect, test } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { toSecrets } from "../../src/config/secrets.ts";

const token = "canary-token-0123456789";
const secretsOf = (env: Record<string, string>, file = "") =>
  toSecrets(
    parseConfig(
      Object.fromEntries(
        Object.entries({ TOKEN: token, ...env }).map(([name, value]) => [`WALLET_CORE_OPS_${name}`, value]),
      ),
      () => file,
    ),
  );

test("secrets are the token, and nothing of URLs without a password", () => {
  expect(secretsOf({ DATABASE_URL: "postgres://db/wallet", PROMETHEUS_URL: "http://prometheus:9090/x" })).toEqual([
    token,
  ]);
});

test("secrets are passwords of URLs, encoded or decoded, and basic auth", () => {
  const found = secretsOf({
    DATABASE_URL: "postgresql://app:p%40ss-canary@db/wallet?sslmode=off",
    CONTROL_DATABASE_URL: "postgres://operator:control-canary@db/wallet",
    PROMETHEUS_URL: "https://prom:prom-canary@prometheus",
    LOG_HISTORY_URL: "https://logs:history-canary@vl",
  });
  const passwords = ["p%40ss-canary", "p@ss-canary", "control-canary", "prom-canary", "history-canary"];
  expect(found).toEqual(expect.arrayContaining([token, ...passwords]));
  expect(found).toContain(Buffer.from("prom:prom-canary").toString("base64"));
  expect(secretsOf({ DATABASE_URL: "postgres://app@db/wallet?password=query-canary" })).toContain("query-canary");
  expect(secretsOf({ DATABASE_URL: "postgres://app:odd^can%ary@db/wallet" })).toContain("odd^can%ary");
});

test("secrets of the queues file count under any key", () => {
  const file = JSON.stringify({
    sources: [{ name: "a", url: "amqp://u:mq-canary@mq/", auth: { password: "plain-canary" } }, "no url"],
  });
  const found = secretsOf({ QUEUES_FILE: "/q.json" }, file);
  expect(found).toEqual(expect.arrayContaining(["mq-canary", "plain-canary"]));
  expect(found).not.toContain("no url");
  expect(secretsOf({ QUEUES_FILE: "/q.json" }, "{")).toEqual([token]);
});

test("a password that equals a public word is not redacted", () => {
  expect(secretsOf({ DATABASE_URL: "postgresql://postgres:postgres@db/wallet" })).not.toContain("postgres");
  expect(secretsOf({ DATABASE_URL: "postgres://wallet-app:wallet-app@db/wallet" })).not.toContain("wallet-app");
});

const basic = (text: string) => Buffer.from(text).toString("base64");

test.each([
  [{ DATABASE_URL: "postgres://app:pw@db/w" }, ["pw", basic("app:pw")]],
  [{ DATABASE_URL: "postgres://a%40:p%40w@db/w" }, ["p%40w", "p@w", basic("a@:p@w")]],
  [{ DATABASE_URL: "postgres://app:a@b@db/w" }, ["a%40b", "a@b", basic("app:a@b")]],
  [{ DATABASE_URL: "postgres://app:o^d%ar@db/w" }, ["o%5Ed%ar", "o^d%ar", basic("app:o%5Ed%ar")]],
  [{ DATABASE_URL: "postgres://app@db/w?password=q&x=y" }, ["q"]],
  [{ DATABASE_URL: "postgres://app:pw@db/w?password=q" }, ["pw", "q", basic("app:pw")]],
  [{ DATABASE_URL: "postgres://db/w?x=://u:no@h" }, []],
  [{ DATABASE_URL: "postgres://app:app@db/w" }, [basic("app:app")]],
  [{ DATABASE_URL: "postgres://app:postgres@db/w" }, [basic("app:postgres")]],
  [{ DATABASE_URL: "postgresql://app:postgresql@db/w" }, [basic("app:postgresql")]],
  [{ DATABASE_URL: "postgresql://app:postgres@db/w" }, [basic("app:postgres")]],
  [{ DATABASE_URL: "postgres://app:postgresql@db/w" }, ["postgresql", basic("app:postgresql")]],
  [{ CONTROL_DATABASE_URL: "postgres://op:cw@db/w" }, ["cw", basic("op:cw")]],
  [{ RABBITMQ_URL: "http://ops:mw@mq" }, ["mw", basic("ops:mw")]],
  [{ REDIS_URL: "redis://:rw@r" }, ["rw", basic(":rw")]],
  [{ REDIS_URL: "redis://default:redis@r" }, [basic("default:redis")]],
  [{ PROMETHEUS_URL: "https://prom:hw@p" }, ["hw", basic("prom:hw")]],
  [{ DATABASE_URL: "postgres://a:same@db/w", REDIS_URL: "redis://a:same@r" }, ["same", basic("a:same")]],
])("%j: its secrets are the token and %j", (env: Record<string, string>, secrets) => {
  expect(secretsOf(env).toSorted()).toEqual([token, ...secrets].toSorted());
});

test.each([
  ["null", []],
  ["[", []],
  ['"text"', []],
  ["[1,true,null]", []],
  ['{"name":"a","count":1}', []],
  ['{"password":"a","PASSPHRASE":"b","clientSecret":"c","api_Token":"d","user":"e"}', ["a", "b", "c", "d"]],
  ['{"passwords":["a",["b"],{"c":"d"}],"x":{"secret":"e"}}', ["a", "b", "e"]],
  ['{"password":1,"token":null}', []],
  ['[{"url":"amqp://u:mw@mq/"}]', ["mw", basic("u:mw")]],
])("a queues file %s has the secrets %j", (file, secrets) => {
  expect(secretsOf({ QUEUES_FILE: "/q.json" }, file).toSorted()).toEqual([token, ...secrets].toSorted());
});

test("there is no secret without a token", () => {
  expect(toSecrets(parseConfig({ WALLET_CORE_OPS_TOKENS_FILE: "/tokens.json" }, () => ""))).toEqual([]);
});
