import { describe, expect, it } from "vitest";
import { explainSocket } from "../../src/lib/socket-errors.ts";

const withCode = (code: unknown) => Object.assign(new Error("canary"), { code });

describe("explainSocket", () => {
  it.each([
    ["ECONNREFUSED", "nothing listens at its address (ECONNREFUSED)"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "it does not speak TLS on this port (ERR_SSL_WRONG_VERSION_NUMBER)"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", expect.stringContaining("an authority that we do not trust")],
  ])("has words and the code of %s", (code, expected) => {
    expect(explainSocket(withCode(code))).toEqual(expected);
  });

  it.each(["28P01", "toString", "constructor", "", 7, undefined])("has none for %s", (code) => {
    expect(explainSocket(withCode(code))).toBeNull();
  });
});
