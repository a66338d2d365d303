import { describe, expect, it } from "vitest";
import { mostEntries, readJson, readJsonSteps } from "../../../../src/containers/docker/http/json.ts";
import { finish } from "../../../support/steps.ts";

const { signal } = new AbortController();
const none: ReadonlySet<string> = new Set();
const many = Object.fromEntries(Array.from({ length: mostEntries + 5000 }, (_, index) => [`k${index}`, "1"]));

describe("JSON of an engine", () => {
  it("is parsed, and other content is not quoted", async () => {
    expect(await readJson('{"a":[1]}', none, signal)).toEqual({ a: [1] });
    for (const text of ["<h1>secret</h1>", `[${"secret".repeat(20_000)}`]) {
      await expect(readJson(text, none, signal)).rejects.toThrow(
        expect.objectContaining({
          name: "AnswerError",
          message: "the response is not JSON: is this a Docker-compatible engine?",
        }),
      );
    }
  });

  it("has the first names of a long object, and the wanted ones", () => {
    const text = JSON.stringify({ Config: { Labels: { ...many, service: "shop", other: "x" } } });
    const { Config } = finish(readJsonSteps(text, new Set(["service"]))) as { Config: { Labels: object } };
    expect(Object.keys(Config.Labels)).toHaveLength(mostEntries + 1);
    expect(Config.Labels).toMatchObject({ k0: "1", service: "shop" });
  });

  it("has every entry of a long list", () => {
    const list = Array.from({ length: 2 * mostEntries }, (_, index) => ({ Id: String(index) }));
    expect(finish(readJsonSteps(JSON.stringify(list), none))).toEqual(list);
  });

  it("is parsed in turns where it is long", () => {
    const parsed: number[] = [];
    const original = JSON.parse;
    try {
      JSON.parse = (part: string) => {
        parsed.push(part.length);
        return original(part);
      };
      finish(readJsonSteps(JSON.stringify(many), none));
    } finally {
      JSON.parse = original;
    }
    expect(Math.max(...parsed)).toBeLessThan(17_000);
  });
});
