// TypeScript 7 has no API in JavaScript; @ts-morph/common has that of TypeScript 6 inside.
import { ts } from "@ts-morph/common";

/**
 * Finds the promises of our sources that may be left without a handler: begun, or received, by a
 * name, and then the function awaits, yields, throws or returns before anything observes them. If
 * such a promise rejects, nobody handles it, and that ends the process. A use in a closure counts
 * as observed; a check of the value does not, and a way out that depends on the value is none.
 * `sources`: texts by path. Gives "path: name, line of the way out".
 */
export function findDroppedPromises(sources: Readonly<Record<string, string>>): string[] {
  const parsed = Object.entries(sources).map(([path, text]) =>
    ts.createSourceFile(
      path,
      text,
      ts.ScriptTarget.Latest,
      true,
      path.endsWith("x") ? ts.ScriptKind.TSX : ts.ScriptKind.TS,
    ),
  );
  const named = parsed.map(listFunctions);
  /** Of a name that several files have, all must return promises. */
  const everywhere = Object.groupBy(named.flat(), ({ name }) => name);
  return parsed.flatMap((source, index) => {
    const here = Object.groupBy(named[index] ?? [], ({ name }) => name);
    const isAsync = (name: string) => (here[name] ?? everywhere[name])?.every((one) => one.isAsync) === true;
    const found: string[] = [];
    walk(source, (node) => {
      if (ts.isFunctionLike(node) || ts.isSourceFile(node)) found.push(...check(node, isAsync));
    });
    return found.map((one) => `${source.fileName}: ${one}`);
  });
}

function walk(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  ts.forEachChild(node, (child) => walk(child, see));
}

function listNodes(node: ts.Node): ts.Node[] {
  const nodes: ts.Node[] = [];
  walk(node, (one) => void nodes.push(one));
  return nodes;
}

/** The functions and methods with a name, and whether they return a promise. */
function listFunctions(source: ts.SourceFile): { readonly name: string; readonly isAsync: boolean }[] {
  const found: { name: string; isAsync: boolean }[] = [];
  walk(source, (node) => {
    if (!ts.isFunctionLike(node)) return;
    const name =
      node.name ??
      (ts.isVariableDeclaration(node.parent) || ts.isPropertyAssignment(node.parent) ? node.parent.name : null);
    if (!name || !ts.isIdentifier(name)) return;
    const isPromised = node.type !== undefined && node.type.getText().startsWith("Promise<");
    found.push({ name: name.text, isAsync: isPromised || hasAsync(node) });
  });
  return found;
}

function hasAsync(node: ts.Node): boolean {
  return (
    ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.AsyncKeyword) === true
  );
}

/** Whether it calls a function of this name that returns a promise. */
type IsAsync = (name: string) => boolean;

/** A promise from the end of the expression that begins it. */
interface Begun {
  readonly name: string;
  readonly end: number;
  readonly isPromise: boolean;
}

type Scope = ts.SignatureDeclaration | ts.SourceFile;

function check(scope: Scope, isAsync: IsAsync): string[] {
  const own: ts.Node[] = [];
  const inner: ts.Node[] = [];
  const collect = (node: ts.Node): void => {
    own.push(node);
    ts.forEachChild(node, ts.isFunctionLike(node) ? (child) => void inner.push(child) : collect);
  };
  const parts = ts.isSourceFile(scope) ? scope.statements : "body" in scope && scope.body ? [scope.body] : [];
  for (const part of parts) collect(part);
  const begun = [
    ...(ts.isSourceFile(scope) ? [] : scope.parameters.flatMap((one) => toParameter(one, parts[0]?.getStart() ?? 0))),
    ...own.flatMap((node) => toBegun(node, isAsync)),
  ];
  const leaves = own.filter(isLeave);
  const isNamed = (name: string) => (node: ts.Node) => ts.isIdentifier(node) && node.text === name && isValue(node);
  return begun.flatMap(({ name, end, isPromise }) => {
    const uses = own.filter(isNamed(name)).filter((node) => node.getStart() >= end);
    if (!isPromise && !uses.some(isHandled)) return [];
    const captured = inner
      .flatMap((node) => listNodes(node).filter(isNamed(name)))
      .filter((node) => node.getStart() >= end);
    const observed = [...uses.filter((node) => !isChecked(node)), ...captured].toSorted(
      (a, b) => a.getStart() - b.getStart(),
    );
    const [first] = observed;
    if (!first) return [];
    const leave = leaves.find(
      (node) =>
        node.getStart() >= end && node.getEnd() <= first.getStart() && !isConditional(node, scope, isNamed(name)),
    );
    return leave ? [`${name}, ${toLine(leave)}`] : [];
  });
}

function toLine(node: ts.Node): number {
  return node.getSourceFile().getLineAndCharacterOfPosition(node.getStart()).line + 1;
}

/** Whether it is in an `if` that asks about the promise. */
function isConditional(node: ts.Node, scope: Scope, isIt: (node: ts.Node) => boolean): boolean {
  for (let { parent } = node; parent !== scope; parent = parent.parent) {
    let asks = false;
    if (ts.isIfStatement(parent)) walk(parent.expression, (part) => void (asks ||= isIt(part)));
    if (asks) return true;
  }
  return false;
}

function toParameter({ name, type }: ts.ParameterDeclaration, end: number): Begun[] {
  const isPromise = type !== undefined && /^(?:readonly )?Promise(?:Like)?</.test(type.getText());
  return isPromise && ts.isIdentifier(name) ? [{ name: name.text, end, isPromise }] : [];
}

function toBegun(node: ts.Node, isAsync: IsAsync): Begun[] {
  const [name, value] = toAssigned(node);
  if (!name || !value || !ts.isIdentifier(name)) return [];
  return mayBegin(value) ? [{ name: name.text, end: node.getEnd(), isPromise: begins(value, isAsync) }] : [];
}

function toAssigned(node: ts.Node): [ts.Node?, (ts.Expression | undefined)?] {
  if (ts.isVariableDeclaration(node)) return [node.name, node.initializer];
  const { EqualsToken, QuestionQuestionEqualsToken } = ts.SyntaxKind;
  const isAssignment =
    ts.isBinaryExpression(node) &&
    [EqualsToken, QuestionQuestionEqualsToken].some((kind) => kind === node.operatorToken.kind);
  return isAssignment ? [node.left, node.right] : [];
}

/** The expressions that a value may come from. */
function toSources(value: ts.Expression): ts.Expression[] {
  if (ts.isParenthesizedExpression(value) || ts.isAsExpression(value)) return toSources(value.expression);
  if (ts.isConditionalExpression(value)) return [value.whenTrue, value.whenFalse].flatMap(toSources);
  if (ts.isBinaryExpression(value)) return [value.left, value.right].flatMap(toSources);
  return [value];
}

/**
 * Whether it may begin a promise at all: a call, and neither one that is awaited nor one whose
 * rejection is caught.
 */
function mayBegin(value: ts.Expression): boolean {
  return toSources(value).some((one) => ts.isNewExpression(one) || (ts.isCallExpression(one) && !isCaught(one)));
}

function isCaught({ expression, arguments: given }: ts.CallExpression): boolean {
  if (!ts.isPropertyAccessExpression(expression)) return false;
  const { text } = expression.name;
  return text === "catch" || text === "allSettled" || (text === "then" && given.length === 2);
}

/** Whether it surely does. */
function begins(value: ts.Expression, isAsync: IsAsync): boolean {
  return toSources(value).some((one) => {
    if (ts.isNewExpression(one)) return one.expression.getText() === "Promise";
    if (!ts.isCallExpression(one)) return false;
    const called = one.expression.getText();
    if (/^Promise\.|\.(?:then|finally)$/.test(called)) return true;
    const [callback] = one.arguments;
    if (called.endsWith(".map")) {
      if (!callback || !ts.isArrowFunction(callback)) return false;
      return hasAsync(callback) || (!ts.isBlock(callback.body) && begins(callback.body, isAsync));
    }
    return isAsync(called.replace(/^.*[.]/s, ""));
  });
}

function isLeave(node: ts.Node): boolean {
  return (
    ts.isAwaitExpression(node) ||
    ts.isYieldExpression(node) ||
    ts.isReturnStatement(node) ||
    ts.isThrowStatement(node) ||
    (ts.isForOfStatement(node) && node.awaitModifier !== undefined)
  );
}

/** A name as a value: no property, key, label or declaration. */
function isValue(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node;
  return !(ts.isVariableDeclaration(parent) && parent.name === node);
}

/** Only a promise is used so. */
function isHandled(node: ts.Node): boolean {
  const { parent } = node;
  if (ts.isAwaitExpression(parent)) return true;
  if (ts.isPropertyAccessExpression(parent)) return /^(?:then|catch|finally)$/.test(parent.name.text);
  const holder = ts.isArrayLiteralExpression(parent) ? parent.parent : parent;
  return (
    ts.isCallExpression(holder) &&
    /^Promise\.(?:all|allSettled|any|race)$|^abortable$|\.race$/.test(holder.expression.getText())
  );
}

/** Compared or tested only. */
function isChecked(node: ts.Node): boolean {
  const { parent } = node;
  if (ts.isPrefixUnaryExpression(parent)) return true;
  if (ts.isIfStatement(parent) || ts.isConditionalExpression(parent)) {
    return (ts.isIfStatement(parent) ? parent.expression : parent.condition) === node;
  }
  if (!ts.isBinaryExpression(parent)) return false;
  const operator = parent.operatorToken.getText();
  return /^(?:[=!]==?|instanceof|&&)$/.test(operator) && !(operator === "&&" && parent.right === node);
}
