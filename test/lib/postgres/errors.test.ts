import { describe, expect, it } from "vitest";
import { quoteRefusal } from "../../../src/lib/postgres/errors.ts";
import { protectSecrets } from "../../../src/lib/redact/secrets.ts";

const pgError = (code: string, message: string) => Object.assign(new Error(message), { code });
const noEntry = `no pg_hba.conf entry for host "172.17.0.2", user "ops", database "jobs", no encryption`;

describe("quoteRefusal", () => {
  it.each(["28000", "28P01", "3D000", "53300", "57P03", "08P01"])("has the reason of a server with %s", (code) => {
    expect(quoteRefusal(pgError(code, noEntry))).toBe(noEntry);
  });

  it.each(["42P01", "22P02", "23505", "57014", "XX000", "ECONNREFUSED", ""])("has none for %s", (code) => {
    expect(quoteRefusal(pgError(code, noEntry))).toBeNull();
  });

  it("has no secret, no control character and at most 300 characters", () => {
    protectSecrets(["canary-of-the-refusal"]);
    expect(quoteRefusal(pgError("28000", "role canary-of-the-refusal\u001B[2J is\nunknown"))).toBe(
      "role [redacted] isunknown",
    );
    expect(quoteRefusal(pgError("28000", "x ".repeat(400)))?.length).toBeLessThanOrEqual(300);
    expect(quoteRefusal(pgError("28000", ""))).toBeNull();
  });
});
