import { describe, expect, it } from "vitest";
import { protectSecrets } from "../../src/lib/redact/secrets.ts";
import { quoteReply, UpstreamReply } from "../../src/lib/upstream-reply.ts";

describe("UpstreamReply", () => {
  it("is one short line without secrets", () => {
    protectSecrets(["canary-of-the-reply"]);
    expect(quoteReply(new UpstreamReply("no canary-of-the-reply\u001B[2J\nhere"))).toBe("no [redacted]here");
    expect(quoteReply(new UpstreamReply("x ".repeat(400)))?.length).toBeLessThanOrEqual(300);
  });

  it("is in no message, which the log has", () => {
    expect(String(new UpstreamReply("canary").stack)).not.toContain("canary");
  });

  it("is quoted alone, and not if it is empty", () => {
    for (const cause of [new UpstreamReply(""), new Error("canary"), "canary", null, undefined])
      expect(quoteReply(cause)).toBeNull();
  });
});
