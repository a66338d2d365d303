import { expect, it } from "vitest";
import { TokensFileError } from "../../src/auth/tokens-file.ts";
import { toConfigurationIssues } from "../../src/cli/configuration-issues.ts";
import { ConfigError } from "../../src/config/reader.ts";

it.each([
  [new ConfigError(["a", "b"]), ["a", "b"]],
  [new TokensFileError("/t.json", ["x", "y"]), ["WALLET_CORE_OPS_TOKENS_FILE: /t.json: x; y"]],
  [new Error("x"), null],
  [null, null],
])("the mistakes of the configuration in %s are %j", (error, issues) => {
  expect(toConfigurationIssues(error)).toEqual(issues);
});
