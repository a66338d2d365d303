import { expect, it } from "vitest";
import { parseDestinations, parseSelectors, parseServices } from "../../src/config/containers.ts";

/** What is read, and what is wrong with it. */
function read<T>(
  parse: (value: string, fail: (problem: string) => void) => T,
  value: string,
): { result: T; problems: string[] } {
  const problems: string[] = [];
  return { result: parse(value, (problem) => problems.push(problem)), problems };
}

const notService = (name: string) => `must be names of Kamal services, separated by commas, but "${name}" is not one`;
it.each([
  ["a", ["a"], []],
  [" a , B.c_d-9 ", ["a", "B.c_d-9"], []],
  ["a,,b", ["a", "", "b"], [notService("")]],
  ["-a", ["-a"], [notService("-a")]],
  ["a b", ["a b"], [notService("a b")]],
  ["a!,b", ["a!", "b"], [notService("a!")]],
  ["a,b,a", ["a", "b"], ['names "a" twice']],
])("the services %j are %j, with the problems %j", (value, result, problems) => {
  expect(read(parseServices, value)).toEqual({ result, problems });
});

const notDestination = (entry: string) =>
  `must be <destination>=staging or <destination>=production, separated by commas, but "${entry}" is not`;
it.each([
  ["prod=production", { prod: "production" }, []],
  [" Beta = staging ,prod=production", { beta: "staging", prod: "production" }, []],
  ["eu=prod,qa=Stage", { eu: "production", qa: "staging" }, []],
  ["qa", {}, [notDestination("qa")]],
  ["qa=", {}, [notDestination("qa=")]],
  ["=staging", {}, [notDestination("=staging")]],
  ["a b=staging", {}, [notDestination("a b=staging")]],
  ["qa=stagings", {}, [notDestination("qa=stagings")]],
  ["x qa=staging,", {}, [notDestination("x qa=staging"), notDestination("")]],
  ["qa=staging,QA=production,b=production", { qa: "staging", b: "production" }, ['names "qa" twice']],
])("the destinations %j are %j, with the problems %j", (value, result, problems) => {
  const found = read(parseDestinations, value);
  expect([Object.fromEntries(found.result), found.problems]).toEqual([result, problems]);
});

const notLabel = (part: string) =>
  `must be labels, key=value or key, separated by commas, then semicolons, but "${part}" is not one`;
it.each([
  ["a", [{ a: null }], []],
  ["a=", [{ a: "" }], []],
  [" com.example/a-b_c = x y =z , d ; e=1 ", [{ "com.example/a-b_c": "x y =z", d: null }, { e: "1" }], []],
  ["a=1;", [{ a: "1" }, {}], [notLabel("")]],
  ["=x", [{}], [notLabel("=x")]],
  ["a b", [{}], [notLabel("a b")]],
  ["!a=1,b", [{ b: null }], [notLabel("!a=1")]],
  ["a=1,a=2;a", [{ a: "1" }, { a: null }], ['names the label "a" twice in "a=1,a=2"']],
])("the selectors %j are %j, with the problems %j", (value, result, problems) => {
  const found = read(parseSelectors, value);
  expect([found.result.map((selector) => Object.fromEntries(selector)), found.problems]).toEqual([result, problems]);
});
