import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDeployInfo } from "../../../src/deploys/files/parse.ts";
import { toEnv } from "../../support/deploys.ts";

const fields = {
  current_tag: "deploy-20260110-130322-prod",
  previous_tag: "deploy-20260109-101500-prod",
  commit_sha: "abc123",
  deployed_by: "ops-user",
  deployed_at: "2026-01-10T14:15:00.5+01:00",
};

function parse(value: unknown, prefix = "") {
  return parseDeployInfo(Buffer.from(prefix + (typeof value === "string" ? value : JSON.stringify(value))), toEnv);
}

const info = {
  currentTag: fields.current_tag,
  previousTag: fields.previous_tag,
  commitSha: "abc123",
  deployedBy: "ops-user",
  deployedAt: "2026-01-10T13:15:00Z",
  service: null,
  destination: null,
  env: null,
  extra: [],
  stale: false,
  error: null,
};

describe("parseDeployInfo", () => {
  it("reads the documented fields, also after a byte order mark", () => {
    expect(parse(fields)).toEqual({ info });
    expect(parse(fields, "\uFEFF")).toEqual({ info });
  });

  it("accepts a first deploy without previous tag, or without a commit", () => {
    const { previous_tag: _, ...first } = fields;
    expect(parse(first)).toMatchObject({ info: { previousTag: "" } });
    expect(parse({ ...fields, previous_tag: null, commit_sha: "", deployed_by: "" })).toMatchObject({
      info: { previousTag: "", commitSha: "", deployedBy: "" },
    });
  });

  it("keeps other strings in the file's order, and the group", () => {
    const json = `{"zeta":"1","destination":"production","service":"shop","number":4,"list":["a"],"__proto__":"x","7":"y","constructor":"z",${JSON.stringify(fields).slice(1)}`;
    expect(parse(json)).toMatchObject({
      info: {
        service: "shop",
        destination: "production",
        env: "production",
        extra: [
          { key: "zeta", value: "1" },
          { key: "destination", value: "production" },
          { key: "service", value: "shop" },
          { key: "constructor", value: "z" },
        ],
      },
    });
    expect(parse({ ...fields, destination: "eu-west" })).toMatchObject({ info: { destination: "eu-west", env: null } });
    expect(parse({ ...fields, destination: "", service: "" })).toMatchObject({
      info: { destination: null, service: null },
    });
  });

  it("removes control characters and truncates long extras with a mark", () => {
    const parsed = parse({ ...fields, deployed_by: "o\u001b[0mps\u202e\n", hosts: "h".repeat(300) });
    expect(parsed).toMatchObject({
      info: { deployedBy: "o[0mps", extra: [{ key: "hosts", value: `${"h".repeat(255)}…` }] },
    });
  });

  it("redacts secrets before it truncates a text", () => {
    const token = "ghp_0123456789abcdefghijABCDEFGHIJ";
    for (let before = 256 - 2 * token.length; before < 256; before++) {
      const parsed = parse({ ...fields, deployed_by: `curl ${token}`, command: `${"x".repeat(before)} ${token}` });
      const text = JSON.stringify(parsed);
      expect(text).not.toMatch(/ghp_|0123|ABCD/);
      expect(parsed).toMatchObject({ info: { deployedBy: "curl [redacted]" } });
    }
  });

  it.each<[string, unknown, string]>([
    ["nothing", "", "it is not valid JSON in UTF-8"],
    ["half a file", '{"current_tag":"a', "it is not valid JSON in UTF-8"],
    ["two objects", `${JSON.stringify(fields)}${JSON.stringify(fields)}`, "it is not valid JSON in UTF-8"],
    ["deep nesting", "[".repeat(60_000), "it is not valid JSON in UTF-8"],
    ["null", "null", "Invalid input: expected object, received null"],
    ["a list", [], "Invalid input: expected object, received array"],
    ["an empty tag", { ...fields, current_tag: "\u0000 " }, "current_tag: Too small"],
    [
      "a number for a tag",
      { ...fields, current_tag: 7 },
      "current_tag: Invalid input: expected string, received number",
    ],
    ["an object for a tag", { ...fields, previous_tag: {} }, "previous_tag: Invalid input"],
    ["a missing sha", { ...fields, commit_sha: undefined }, "commit_sha: Invalid input"],
    ["a long name", { ...fields, deployed_by: "x".repeat(257) }, "deployed_by: Too big"],
    [
      "a day that does not exist",
      { ...fields, deployed_at: "2026-02-30T00:00:00Z" },
      "deployed_at: not an ISO 8601 time with a zone",
    ],
  ])("says what is wrong with %s", (_, value, problem) => {
    expect(parse(value)).toEqual({ problem: expect.stringContaining(problem) });
  });

  it("refuses Latin-1 and UTF-16", () => {
    expect(
      parseDeployInfo(Buffer.from(JSON.stringify({ ...fields, deployed_by: "Zoë" }), "latin1"), toEnv),
    ).toHaveProperty("problem");
    expect(parseDeployInfo(Buffer.from(`\uFEFF${JSON.stringify(fields)}`, "utf16le"), toEnv)).toHaveProperty("problem");
  });

  it("never accepts a truncated file, wherever it is cut", () => {
    const bytes = Buffer.from(JSON.stringify({ ...fields, deployed_by: "Zoë" }));
    for (let length = 0; length < bytes.length; length += 1) {
      expect(parseDeployInfo(bytes.subarray(0, length), toEnv)).toEqual({ problem: "it is not valid JSON in UTF-8" });
    }
  });

  it("accepts or refuses anything, with clean, bounded strings", () => {
    const mutated = fc.record(
      Object.fromEntries(Object.keys(fields).map((key) => [key, fc.oneof(fc.string(), fc.jsonValue())])),
    );
    const fuzzed = fc.oneof(
      fc.uint8Array(),
      fc.jsonValue(),
      mutated,
      fc.dictionary(fc.string(), fc.string()).map((more) => ({ ...more, ...fields })),
    );
    fc.assert(
      fc.property(fuzzed, (value) => {
        const parsed = value instanceof Uint8Array ? parseDeployInfo(value, toEnv) : parse(value);
        expect("info" in parsed || parsed.problem !== "").toBe(true);
        for (const { key, value: text } of "info" in parsed ? parsed.info.extra : []) {
          expect(key).toMatch(/^[A-Za-z]/);
          expect(text.length).toBeLessThanOrEqual(256);
          expect(text).not.toMatch(/\p{Cc}/u);
        }
      }),
    );
  });
});
