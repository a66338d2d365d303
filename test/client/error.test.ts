import { expect, it } from "vitest";
import { OpsError } from "../../src/client/error.ts";

it("an error without more has null in place of what is not known", () => {
  const error = new OpsError("invalid_request", "first: too large");
  const { name, message, code, remedy, status, retryAfterSeconds, path } = error;
  expect({ name, message, code, remedy, status, retryAfterSeconds, path }).toEqual({
    name: "OpsError",
    message: "first: too large",
    code: "invalid_request",
    remedy: null,
    status: null,
    retryAfterSeconds: null,
    path: null,
  });
  expect(error).toBeInstanceOf(Error);
});
