import { expect, it } from "vitest";
import { endpoints } from "../../src/rest/endpoints.ts";
import { matchRoute } from "../../src/rest/handler.ts";

const longest = `a${"b".repeat(254)}`;

it.each([
  ["GET", "/containers", "GET /containers", undefined],
  ["HEAD", "/containers", "GET /containers", undefined],
  ["GET", "/containers/a", "GET /containers/:name", "a"],
  ["HEAD", "/containers/a", "GET /containers/:name", "a"],
  ["GET", "/containers/A9_.-", "GET /containers/:name", "A9_.-"],
  ["GET", "/containers/%61%2d1", "GET /containers/:name", "a-1"],
  ["GET", `/containers/${longest}`, "GET /containers/:name", longest],
  ["GET", "/containers/a/logs", "GET /containers/:name/logs", "a"],
  ["GET", "/containers/a/health-check", "GET /containers/:name/health-check", "a"],
  ["POST", "/containers/a/restart", "POST /containers/:name/restart", "a"],
  ["GET", "/containers/a/restart", "GET /containers/:name/restart", "a"],
  ["GET", "/queues", "GET /queues", undefined],
])("%s %s is %s of %j", (method, path, endpoint, name) => {
  const found = matchRoute(endpoints, method, path);
  expect([`${found.endpoint.method} ${found.endpoint.path}`, found.name]).toEqual([endpoint, name]);
  expect("name" in found).toBe(name !== undefined);
});

const notFound = { code: "not_found", message: "No such path" };
const noContainer = { code: "container_not_found", message: "No such container" };
const use = (allow: string) => ({ code: "method_not_allowed", message: `Use ${allow}`, headers: { allow } });
it.each([
  ["GET", "", notFound],
  ["GET", "/container", notFound],
  ["GET", "/containers/", notFound],
  ["GET", "/containers/a/", notFound],
  ["GET", "/containers/a/exec", notFound],
  ["GET", "/containers/a/LOGS", notFound],
  ["GET", "/containers/a/logs/b", notFound],
  ["GET", "/x/containers/a", notFound],
  ["GET", "/containers/:name/logs/", notFound],
  ["GET", "/containers/:name", noContainer],
  ["GET", "/containers/-a", noContainer],
  ["GET", "/containers/a%2fb", noContainer],
  ["GET", "/containers/a%zz", noContainer],
  ["GET", "/containers/a%0a", noContainer],
  ["GET", `/containers/${longest}b`, noContainer],
  ["POST", "/queues", use("GET, HEAD")],
  ["POST", "/containers/a", use("GET, HEAD")],
  ["DELETE", "/containers/a/restart", use("POST, GET, HEAD")],
  [
    "HEAD",
    "/containers/a/restart",
    { code: "method_not_allowed", message: "Use POST", headers: { allow: "POST, GET" } },
  ],
])("%s %s is refused", (method, path, error) => {
  expect(() => matchRoute(endpoints, method, path)).toThrow(expect.objectContaining(error));
});
