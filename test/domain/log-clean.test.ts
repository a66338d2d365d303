import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { cleanText, createLineCleaner } from "../../src/domain/log-clean.ts";

const key = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});
const lines = key.privateKey.trim().split("\n");

test("a private key over many lines leaves nothing of itself, and the lines after it stay", () => {
  const clean = createLineCleaner();
  const out = ["before", ...lines, "after"].map(clean);
  expect(out).toEqual(["before", ...lines.map(() => "[redacted]"), "after"]);
});

test("with a prefix before each line, and colours in it", () => {
  const clean = createLineCleaner();
  const out = lines.map((line) => clean(`\x1b[32m12:00 app |\x1b[0m ${line}`));
  expect(out.slice(1)).toEqual(lines.slice(1).map(() => "[redacted]"));
  expect(out[0]).toBe("12:00 app | [redacted]");
});

test("a key whose beginning we did not read", () => {
  const clean = createLineCleaner();
  const out = lines.slice(3, -2).map(clean);
  expect(out).toEqual(out.map(() => "[redacted]"));
  expect(clean("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")).toMatch(/^9f86/);
});

test("a beginning alone hides no ordinary line after it", () => {
  const clean = createLineCleaner();
  clean("-----BEGIN PRIVATE KEY-----");
  expect(["listening on port 8080 now", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"].map(clean)).toEqual([
    "listening on port 8080 now",
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
  ]);
});

test("public keys and certificates are no secrets by their header", () => {
  expect(createLineCleaner()("-----BEGIN CERTIFICATE-----")).toBe("-----BEGIN CERTIFICATE-----");
});

test("a secret that something invisible divides", () => {
  expect(createLineCleaner()("pass\u200bword=can\x1b[0mary")).toBe("password=[redacted]");
});

test("a text of several lines keeps them", () => {
  expect(cleanText("pq: failed\npassword=canary\n\x1b[31mend")).toBe("pq: failed\npassword=[redacted]\nend");
});
