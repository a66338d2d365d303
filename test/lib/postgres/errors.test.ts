import { describe, expect, it } from "vitest";
import { explainConnection, quoteRefusal } from "../../../src/lib/postgres/errors.ts";
import { protectSecrets } from "../../../src/lib/redact/secrets.ts";

const pgError = (code: string, message: string) => Object.assign(new Error(message), { code });
const noEntry = `no pg_hba.conf entry for host "172.17.0.2", user "ops", database "jobs", no encryption`;

describe("explainConnection", () => {
  it.each([
    ["28000", noEntry, "PostgreSQL refused the login of URL: its pg_hba.conf does not let in our address 172.17.0.2"],
    [
      "28000",
      'no pg_hba.conf entry for host "::1", user "ops"',
      expect.stringMatching(/of URL: its pg_hba.conf does .* our address ::1$/),
    ],
    [
      "28000",
      'pg_hba.conf rejects connection for host "10.1.2.3", user "ops"',
      expect.stringMatching(/our address 10\.1\.2\.3$/),
    ],
    ["28000", 'no pg_hba.conf entry for host "[local]", user "ops"', "PostgreSQL refused the login of URL"],
    ["28000", 'no pg_hba.conf entry for host "canary", user "ops"', "PostgreSQL refused the login of URL"],
    ["28P01", 'password authentication failed for user "ops"', "PostgreSQL refused the login of URL"],
    [
      "42501",
      'permission denied for database "jobs"',
      "The role of URL may not connect to its database: grant it CONNECT on the database",
    ],
    [
      "",
      "The server does not support SSL connections",
      "PostgreSQL does not speak TLS: turn on ssl there, or change sslmode in URL",
    ],
    [
      "SELF_SIGNED_CERT_IN_CHAIN",
      "self-signed certificate in certificate chain",
      expect.stringMatching(
        /^PostgreSQL cannot be reached: its certificate is from an authority that we do not trust \(SELF.*: check URL$/,
      ),
    ],
    ["ENOTFOUND", "getaddrinfo ENOTFOUND canary", expect.stringMatching(/resolved \(ENOTFOUND\): check URL$/)],
    ["EODD", "canary", "PostgreSQL cannot be reached: check URL"],
  ])("names the variable and what is wrong: %s %s", (code, text, expected) => {
    const message = explainConnection(pgError(code, text), "URL");
    expect(message).toEqual(expected);
    expect(message).not.toMatch(/ops|jobs|canary/);
  });
});

describe("quoteRefusal", () => {
  it.each(["28000", "28P01", "3D000", "53300", "57P03", "08P01"])("has the reason of a server with %s", (code) => {
    expect(quoteRefusal(pgError(code, noEntry))).toBe(noEntry);
  });

  it("has the reason of a missing right to connect, and of no other", () => {
    const denied = 'permission denied for database "jobs"';
    expect(quoteRefusal(pgError("42501", denied))).toBe(denied);
    expect(quoteRefusal(pgError("42501", "permission denied for table jobs"))).toBeNull();
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
