import { expect, test } from "vitest";
import { findTargetFault } from "../../src/http/router.ts";

test.each([
  "/",
  "/healthz",
  "/api/v1/admin/ops/containers/wallet-core-staging-web-latest",
  "/api/v1/admin/ops/containers/web.1_a~b",
  "/api/v1/admin/ops/containers/a%20b",
  "/x/%252e%252e/y",
  "/x/...",
  "/x/.hidden",
  "/x/",
])("%s is a path", (path) => {
  expect(findTargetFault(path)).toBeNull();
});

test.each([
  "/x/..",
  "/x/../y",
  "/./x",
  "/x/.",
  "/x/%2e%2e/y",
  "/x/%2E./y",
  "/x/.%2e",
  "/x/a%2fb",
  "/x/a%2F..%2Fb",
  "/x/a%5cb",
  "/x/a\\b",
  "/x/a%00",
  "//x",
  "/x//y",
])("%s matches no route", (path) => {
  expect(findTargetFault(path)).toBe("not_found");
});

test.each([
  "",
  "*",
  "x",
  "http://evil/x",
  "/x%",
  "/x%2",
  "/x%zz",
  "/x y",
  "/x\u00ff",
  "/x\n",
  "/x#y",
  '/x"',
  "/<script>",
])("%j is not a path", (path) => {
  expect(findTargetFault(path)).toBe("invalid_request");
});
