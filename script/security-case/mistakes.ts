// TypeScript 7 has no API in JavaScript; @ts-morph/common has that of TypeScript 6 inside.
import { ts } from "@ts-morph/common";
import { listClaims } from "./case.ts";
import type { Section } from "./claims.ts";

/** The words of vitest that switch a test off, and what that means for a claim. */
const switches: Readonly<Record<string, string>> = {
  skip: "is skipped",
  todo: "is not written",
  fails: "is expected to fail",
  skipIf: "is skipped under a condition",
  runIf: "is skipped under a condition",
};

/**
 * What is wrong with the claims themselves: no test, one that is not there or is switched off, an
 * id twice. `readTest`: a file below test/, null without one.
 */
export function findMistakes(sections: readonly Section[], readTest: (file: string) => string | null): string[] {
  const claims = listClaims(sections);
  const ids = claims.map(({ id }) => id);
  const repeated = ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `${id}: two claims have this id`);
  const without = claims.filter(({ tests }) => tests.length === 0).map(({ id }) => `${id}: no test shows it`);
  const wrong = claims.flatMap(({ id, tests }) =>
    tests.flatMap(([file, title]) => {
      const source = readTest(file);
      const problem = source === null ? "no such file" : findTestProblem(source, title);
      return problem === null ? [] : [`${id}: test/${file} > ${title}: ${problem}`];
    }),
  );
  return [...repeated, ...without, ...wrong];
}

/**
 * The promises of SECURITY.md, which are its points, that rest on no claim, or on one that is gone.
 */
export function findUnclaimed(sections: readonly Section[], security: string): string[] {
  const ids = new Set(listClaims(sections).map(({ id }) => id));
  const points = security
    .split(/^- /m)
    .slice(1)
    .map((point) => point.split("\n\n")[0] ?? "");
  if (points.length === 0) return ["SECURITY.md has no points"];
  return points.flatMap((point) => {
    const start = point.slice(0, 40).replaceAll("\n", " ");
    const named = /\(([A-Z]\d+(?:,\s+[A-Z]\d+)*)\)\s*$/.exec(point)?.[1]?.split(/,\s+/);
    if (!named) return [`SECURITY.md, "${start}...": names no claim at its end`];
    return named.filter((id) => !ids.has(id)).map((id) => `SECURITY.md, "${start}...": there is no claim ${id}`);
  });
}

/**
 * Why the test with this title does not show a claim; null if it does. The test is a call of
 * vitest's `it` or `test` with the title as a text, so what stands in comments and other texts is
 * none. A test is switched off by a word in its own call, in that of a group around it, in the
 * options of either, or by `only` elsewhere in the file.
 */
function findTestProblem(source: string, title: string): string | null {
  const file = ts.createSourceFile("a.test.ts", source, ts.ScriptTarget.Latest, true);
  const names = listVitestNames(file);
  const calls = listCalls(file).filter((call) =>
    ["it", "test", "describe", "suite"].includes(toVitestName(call, names)),
  );
  const found = calls.filter((call) => ["it", "test"].includes(toVitestName(call, names)) && hasTitle(call, title));
  const [test] = found;
  if (test === undefined) return "no such title";
  if (found.length > 1) return "several tests have this title";
  if (!test.arguments.some((one) => isFunction(one))) return "the test is not written";
  const around = calls.filter((call) => call.pos <= test.pos && test.end <= call.end);
  const off = around.flatMap((call) => listWords(call)).find((word) => Object.hasOwn(switches, word));
  if (off !== undefined) return `the test ${switches[off]}`;
  return calls.some((call) => listWords(call).includes("only")) ? "the file has tests that run alone" : null;
}

/** Names in this file of what vitest exports, by its own. */
function listVitestNames(file: ts.SourceFile): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const statement of file.statements) {
    if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) continue;
    const bindings = statement.importClause?.namedBindings;
    if (statement.moduleSpecifier.text !== "vitest" || bindings === undefined || !ts.isNamedImports(bindings)) continue;
    for (const { name, propertyName } of bindings.elements) names.set(name.text, (propertyName ?? name).text);
  }
  return names;
}

function listCalls(node: ts.Node): ts.CallExpression[] {
  const inside: ts.CallExpression[] = ts.isCallExpression(node) ? [node] : [];
  ts.forEachChild(node, (child) => void inside.push(...listCalls(child)));
  return inside;
}

/** What a call begins with: `it` of `it.each([1, 2])("a title", ...)`. */
function toVitestName({ expression }: ts.CallExpression, names: ReadonlyMap<string, string>): string {
  let root: ts.Node = expression;
  for (const part of listParts(expression)) root = part;
  return ts.isIdentifier(root) ? (names.get(root.text) ?? "") : "";
}

/** An expression, that in front of its last dot or brackets, and so on. */
function listParts(expression: ts.Expression): readonly ts.Expression[] {
  const isChain =
    ts.isPropertyAccessExpression(expression) ||
    ts.isElementAccessExpression(expression) ||
    ts.isCallExpression(expression) ||
    ts.isTaggedTemplateExpression(expression) ||
    ts.isParenthesizedExpression(expression);
  if (!isChain) return [expression];
  return [expression, ...listParts(ts.isTaggedTemplateExpression(expression) ? expression.tag : expression.expression)];
}

/** The words behind the dots of a call, and the names in its options. */
function listWords(call: ts.CallExpression): readonly string[] {
  const words = listParts(call).flatMap((part) => {
    if (ts.isPropertyAccessExpression(part)) return [part.name.text];
    return ts.isElementAccessExpression(part) && ts.isStringLiteral(part.argumentExpression)
      ? [part.argumentExpression.text]
      : [];
  });
  const options = call.arguments.slice(1).flatMap((one) => {
    if (!ts.isObjectLiteralExpression(one)) return [];
    return one.properties.flatMap(({ name }) =>
      name && (ts.isIdentifier(name) || ts.isStringLiteral(name)) ? [name.text] : [],
    );
  });
  return [...words, ...options];
}

function hasTitle(call: ts.CallExpression, title: string): boolean {
  const [first] = call.arguments;
  return first !== undefined && ts.isStringLiteralLike(first) && first.text === title;
}

/** A function, or the name of one. */
function isFunction(node: ts.Node): boolean {
  return (
    ts.isArrowFunction(node) || ts.isFunctionExpression(node) || ts.isIdentifier(node) || ts.isCallExpression(node)
  );
}
