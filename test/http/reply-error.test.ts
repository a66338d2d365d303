import { expect, test } from "vitest";
import { createErrorReply, wantsProblem } from "../../src/http/reply.ts";
import { type ErrorCode, OpsError, statusByCode } from "../../src/lib/errors.ts";

const codes = Object.keys(statusByCode) as ErrorCode[];

test.each(codes)("%s: both encodings carry the same status and code", (code) => {
  const error = new OpsError(code, "what went wrong");
  const plain = createErrorReply(error, "id-1", false);
  const problem = createErrorReply(error, "id-1", true);
  const body = JSON.parse(plain.body.toString());
  const described = JSON.parse(problem.body.toString());
  expect(plain.status).toBe(statusByCode[code]);
  expect(problem.status).toBe(statusByCode[code]);
  expect(body.error.code).toBe(code);
  expect(described).toMatchObject({ type: `urn:ops:error:${code}`, status: statusByCode[code], code });
  expect(described.detail).toBe(body.message);
  expect(body.error.message).toBe(body.message);
  expect(problem.headers?.["Content-Type"]).toBe("application/problem+json");
  expect(body.error.request_id).toBe(code === "unauthorized" ? undefined : "id-1");
  expect(described.instance).toBe(code === "unauthorized" ? undefined : "urn:ops:request:id-1");
});

test("503 says when to retry: in 1 to 3 s", () => {
  const waits = Array.from(
    { length: 200 },
    () => createErrorReply(new OpsError("overloaded", ""), "", false).headers?.["Retry-After"],
  );
  expect(new Set(waits)).toEqual(new Set(["1", "2", "3"]));
});

test("401 carries the challenge and one body, whatever the error", () => {
  const first = createErrorReply(new OpsError("unauthorized", "expired yesterday"), "id-1", false);
  const second = createErrorReply(new OpsError("unauthorized", "unknown kid"), "id-2", false);
  expect(first.headers?.["WWW-Authenticate"]).toBe("Bearer");
  expect(first.body).toBe(second.body);
});

test("problem details (RFC 9457) are sent on request", () => {
  expect(wantsProblem("application/problem+json, */*")).toBe(true);
  expect(wantsProblem("application/json")).toBe(false);
  expect(wantsProblem(undefined)).toBe(false);
});

test("an error is these bytes in either form, with both kinds of headers", () => {
  const error = new OpsError("restart_cooldown", "Wait a little", { headers: { "Retry-After": "7", "X-A": "1" } });
  expect(createErrorReply(error, "id-1", false, { "X-A": "2", Allow: "GET" })).toEqual({
    status: 429,
    code: "restart_cooldown",
    headers: { "Retry-After": "7", "X-A": "2", Allow: "GET" },
    body: '{"message":"Wait a little","error":{"code":"restart_cooldown","message":"Wait a little","request_id":"id-1"}}',
  });
  expect(createErrorReply(error, "id-1", true)).toEqual({
    status: 429,
    code: "restart_cooldown",
    headers: { "Retry-After": "7", "X-A": "1", "Content-Type": "application/problem+json" },
    body: JSON.stringify({
      type: "urn:ops:error:restart_cooldown",
      title: "Too Many Requests",
      status: 429,
      detail: "Wait a little",
      instance: "urn:ops:request:id-1",
      code: "restart_cooldown",
    }),
  });
});
