import { describe, expect, it } from "vitest";
import { createUnverified } from "../../src/auth/unverified.ts";

const { authenticate } = createUnverified();
const give = (...values: readonly string[]) =>
  authenticate(
    values[0],
    values.flatMap((value) => ["Authorization", value]),
  ) as { kid: string } | null;

describe("createUnverified", () => {
  it("accepts every bearer token, and knows each by a digest of its own", () => {
    const [one, again, other] = ["0123456789abcdef", "0123456789abcdef", "0123456789abcdeg"].map((text) =>
      give(`Bearer ${text}`),
    );
    expect(one).toMatchObject({ subject: "unverified", kid: expect.stringMatching(/^[0-9a-f]{16}$/) });
    expect(again?.kid).toBe(one?.kid);
    expect(other?.kid).not.toBe(one?.kid);
  });

  it("has other digests in every process", () => {
    const header = "Bearer 0123456789abcdef";
    expect(createUnverified().authenticate(header, ["Authorization", header])).not.toEqual(give(header));
  });

  it.each([[], ["Bearer short"], ["Basic 0123456789abcdef"], ["Bearer 0123456789abcdef", "Bearer 0123456789abcdef"]])(
    "refuses anything else: %j",
    (...values) => {
      expect(give(...values)).toBe(null);
    },
  );
});
