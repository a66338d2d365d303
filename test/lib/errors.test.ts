import { expect, it } from "vitest";
import { OpsError, passesByItself, toOpsError, toProblem } from "../../src/lib/errors.ts";

it("an error has the status of its code, and its other fields", () => {
  const bare = new OpsError("docker_timeout", "It hangs");
  expect(bare).toBeInstanceOf(Error);
  const { name, message, code, status, upstream, unconfigured, headers, upstreamStatus, cause: none } = bare;
  expect({ name, message, code, status, upstream, unconfigured, headers, upstreamStatus, none }).toEqual({
    name: "OpsError",
    message: "It hangs",
    code: "docker_timeout",
    status: 504,
    upstream: undefined,
    unconfigured: false,
    headers: undefined,
    upstreamStatus: undefined,
    none: undefined,
  });
  const cause = new Error("reset");
  const options = {
    cause,
    upstream: "docker:a",
    unconfigured: true,
    headers: { "Retry-After": "1" },
    upstreamStatus: 500,
  };
  const whole = new OpsError("rate_limited", "Too often", options);
  expect(whole).toMatchObject({ ...options, status: 429 });
});

it("a thrown OpsError stays, others are masked with their cause", () => {
  const known = new OpsError("not_found", "Nothing");
  expect(toOpsError(known)).toBe(known);
  for (const thrown of [new Error("canary"), "canary", null, undefined]) {
    const masked = toOpsError(thrown);
    expect([masked.code, masked.message, masked.status, masked.cause]).toEqual([
      "internal",
      "Internal error",
      500,
      thrown,
    ]);
  }
});

it("an error as data is its code and message, masked if unknown", () => {
  expect(toProblem(new OpsError("not_found", "Nothing", { upstream: "docker:a" }))).toEqual({
    code: "not_found",
    message: "Nothing",
  });
  expect(toProblem(new Error("canary"))).toEqual({ code: "internal", message: "Internal error" });
});

it.each(["docker_timeout", "postgres_unavailable", "request_timeout", "rate_limited", "internal", "unreachable"])(
  "%s passes by itself",
  (code) => {
    expect(passesByItself(code)).toBe(true);
  },
);

it.each(["unauthorized", "forbidden", "invalid_request", "container_ambiguous", "deploy_info_missing"])(
  "%s does not pass by itself",
  (code) => {
    expect(passesByItself(code)).toBe(false);
  },
);
