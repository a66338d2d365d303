import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { findHostKeys, toAlgorithms } from "../../../../src/containers/docker/http/ssh.ts";

const [one, two] = [Buffer.from("one").toString("base64"), Buffer.from("two").toString("base64")];

/** As `ssh-keygen -H` writes it. */
function hash(name: string): string {
  const salt = Buffer.alloc(20, 7);
  return `|1|${salt.toString("base64")}|${createHmac("sha1", salt).update(name).digest("base64")}`;
}

const find = (text: string, host = "web-1", port = 22) =>
  findHostKeys(text, host, port).map(({ type, key }) => `${type} ${key.toString()}`);

describe("findHostKeys", () => {
  it.each([
    ["by name", `web-1 ssh-ed25519 ${one} a comment`, ["ssh-ed25519 one"]],
    ["among several names", `10.0.0.1,web-1 ssh-rsa ${one}`, ["ssh-rsa one"]],
    ["hashed", `${hash("web-1")} ssh-ed25519 ${one}`, ["ssh-ed25519 one"]],
    [
      "several keys",
      `web-1 ssh-ed25519 ${one}\n\n# web-1 ssh-rsa x\nweb-1 ssh-rsa ${two}\n`,
      ["ssh-ed25519 one", "ssh-rsa two"],
    ],
    ["not of another host", `web-10 ssh-ed25519 ${one}\n${hash("web-2")} ssh-ed25519 ${two}`, []],
    ["not of another port", `[web-1]:2222 ssh-ed25519 ${one}`, []],
    ["not a revoked one", `web-1 ssh-ed25519 ${one}\n@revoked web-1 ssh-ed25519 ${one}`, []],
    ["not an authority", `@cert-authority web-1 ssh-ed25519 ${one}`, []],
    ["not by a pattern", `web-* ssh-ed25519 ${one}\n* ssh-ed25519 ${two}`, []],
    ["not half a line", `web-1 ssh-ed25519\nweb-1\n`, []],
  ])("finds %s", (_, text, keys) => {
    expect(find(text)).toEqual(keys);
  });

  it("finds a host with its own port, plain and hashed", () => {
    const text = `[web-1]:2222 ssh-ed25519 ${one}\n${hash("[web-1]:2222")} ssh-rsa ${two}\nweb-1 ssh-rsa ${one}`;
    expect(find(text, "web-1", 2222)).toEqual(["ssh-ed25519 one", "ssh-rsa two"]);
  });
});

it("an RSA key is proved by SHA-2 only", () => {
  const key = Buffer.alloc(0);
  expect(
    toAlgorithms([
      { type: "ssh-rsa", key },
      { type: "ssh-ed25519", key },
    ]),
  ).toEqual(["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519"]);
});

describe("a line of known_hosts", () => {
  it.each([
    ["with more between its words", `  web-1\t ssh-ed25519   ${one}  `, ["ssh-ed25519 one"]],
    ["that is a comment without a blank", `#web-1 ssh-rsa ${one}\nweb-1 ssh-ed25519 ${one}`, ["ssh-ed25519 one"]],
    ["without a key", `web-1 ssh-rsa \nweb-1 ssh-ed25519 ${one}`, ["ssh-ed25519 one"]],
    ["that is empty", `\n \nweb-1 ssh-ed25519 ${one}\n\n`, ["ssh-ed25519 one"]],
    ["with another marker", `@other web-1 ssh-rsa ${one}`, []],
    [
      "of another host that is revoked",
      `web-1 ssh-ed25519 ${one}\n@revoked web-2 ssh-ed25519 ${one}`,
      ["ssh-ed25519 one"],
    ],
    [
      "of another key that is revoked",
      `web-1 ssh-ed25519 ${one}\n@revoked web-1 ssh-ed25519 ${two}`,
      ["ssh-ed25519 one"],
    ],
    ["with half a hash", `${hash("web-1").slice(0, -8)} ssh-ed25519 ${one}`, []],
    ["with more behind its hash", `${hash("web-1")}|x ssh-ed25519 ${one}`, []],
    ["with something before its hash", `x${hash("web-1")} ssh-ed25519 ${one}`, []],
    ["with a hash of another kind", `${hash("web-1").replace("|1|", "|2|")} ssh-ed25519 ${one}`, []],
  ])("%s has its own keys, and no other", (_, text, keys) => {
    expect(find(text)).toEqual(keys);
  });

  it("of a host of the same name and port counts for that alone", () => {
    expect(find(`[web-1]:22 ssh-ed25519 ${one}`)).toEqual([]);
    expect(find(`web-1 ssh-ed25519 ${one}`, "web-1", 2222)).toEqual([]);
  });
});

it("keys of one type are one algorithm", () => {
  const key = Buffer.alloc(0);
  const types = ["ssh-ed25519", "ssh-rsa", "ssh-ed25519", "ssh-rsa"];
  expect(toAlgorithms(types.map((type) => ({ type, key })))).toEqual(["ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"]);
  expect(toAlgorithms([])).toEqual([]);
});
