import { expect, test } from "vitest";
import { parseConfig } from "../src/config.ts";
import { toSecrets } from "../src/config-secrets.ts";

const token = "canary-token-0123456789";
const secretsOf = (env: Record<string, string>, file = "") =>
  toSecrets(
    parseConfig(
      Object.fromEntries(Object.entries({ TOKEN: token, ...env }).map(([name, value]) => [`WALLET_CORE_OPS_${name}`, value])),
      () => file,
    ),
  );

test("the token, and nothing of URLs without a password", () => {
  expect(secretsOf({ DATABASE_URL: "postgres://db/wallet", PROMETHEUS_URL: "http://prometheus:9090/x" })).toEqual([token]);
});

test("passwords of URLs, as written and as meant; a password in the query; basic credentials", () => {
  const found = secretsOf({
    DATABASE_URL: "postgresql://app:p%40ss-canary@db/wallet?sslmode=off",
    CONTROL_DATABASE_URL: "postgres://operator:control-canary@db/wallet",
    PROMETHEUS_URL: "https://prom:prom-canary@prometheus",
  });
  expect(found).toEqual(expect.arrayContaining([token, "p%40ss-canary", "p@ss-canary", "control-canary", "prom-canary"]));
  expect(found).toContain(Buffer.from("prom:prom-canary").toString("base64"));
  expect(secretsOf({ DATABASE_URL: "postgres://app@db/wallet?password=query-canary" })).toContain("query-canary");
  expect(secretsOf({ DATABASE_URL: "postgres://app:odd^can%ary@db/wallet" })).toContain("odd^can%ary");
});

test("those of the queues file, under whatever key they stand", () => {
  const file = JSON.stringify({
    sources: [{ name: "a", url: "amqp://u:mq-canary@mq/", auth: { password: "plain-canary" } }, "no url"],
  });
  const found = secretsOf({ QUEUES_FILE: "/q.json" }, file);
  expect(found).toEqual(expect.arrayContaining(["mq-canary", "plain-canary"]));
  expect(found).not.toContain("no url");
  expect(secretsOf({ QUEUES_FILE: "/q.json" }, "{")).toEqual([token]);
});

test("a password that only repeats a word that is no secret is left alone", () => {
  expect(secretsOf({ DATABASE_URL: "postgresql://postgres:postgres@db/wallet" })).not.toContain("postgres");
  expect(secretsOf({ DATABASE_URL: "postgres://wallet-app:wallet-app@db/wallet" })).not.toContain("wallet-app");
});
