import { expect, test } from "vitest";
import { fromInspect, inspectAnswer } from "../../../../src/containers/docker/http/answers.ts";
import { protectSecrets } from "../../../../src/lib/redact/secrets.ts";
import { fullId, inspected } from "../../../support/docker-fake.ts";

const secret = "CANARYOFAPASSWORD";
protectSecrets([secret]);

/** The output of the last probe, of a container whose engine has this of it. */
function shown(output: string): string {
  const answer = inspected(fullId("a"), "web") as { State: object };
  const health = { Status: "healthy", FailingStreak: 0, Log: [{ End: "2026-01-13T09:45:00Z", Output: output }] };
  const facts = fromInspect(inspectAnswer.parse({ ...answer, State: { ...answer.State, Health: health } }), "web-1");
  return facts.health?.output ?? "";
}

test.each([
  ["Docker at 4096 bytes, with dots behind", 4096, "..."],
  ["Podman at 500 bytes", 500, ""],
  ["an engine that cuts later", 9000, ""],
])("health output truncated by %s leaves no part of a secret", (_, limit, mark) => {
  for (let length = 1; length <= secret.length; length++) {
    for (const start of ["", "postgres://app:"]) {
      const before = `${"x".repeat(limit - length - start.length - 1)} ${start}`;
      const output = shown(`${before}${secret}@db ok`.slice(0, limit) + mark);
      expect(output).not.toMatch(/[A-Z]{4}/);
      expect(output.length).toBeLessThanOrEqual(4096);
    }
    // Redaction makes it so much shorter that its end is shown.
    expect(shown(`password=${"c".repeat(limit - length - 10)} ${secret}`.slice(0, limit) + mark)).not.toMatch(
      /[A-Z]{4}/,
    );
  }
});

test("complete health output is shown to its end", () => {
  expect(shown("connected to db-1")).toBe("connected to db-1");
  expect(shown(`${"x".repeat(4000)} ok`)).toBe(`${"x".repeat(4000)} ok`);
});
