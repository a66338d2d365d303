import { execute } from "@graphql-tools/executor";
import { type ExecutionArgs, type ExecutionResult, GraphQLError, isListType, OperationTypeNode } from "graphql";
import type { Budget } from "../lib/budget/budget.ts";
import { mostErrors } from "../graphql/yoga/use-budget.ts";
import { OpsError, statusByCode } from "../lib/errors.ts";
import { type Answer, type Failure, isWithin, mostDelay, toUnknown } from "./ask.ts";
import { isOwn, type Plan, type Question, type RootField } from "./plan.ts";
import type { Region } from "./region.ts";
import { createRowShare } from "./share.ts";

type Path = readonly (string | number)[];

/** What one region said of one root field. */
interface Part {
  readonly region: Region;
  /** Rows, or one object; null without any. */
  readonly value: unknown;
  /** With paths as if the region were the only one. */
  readonly errors: readonly GraphQLError[];
}

/**
 * What the fleet answers: the operation's fields, each joined from the answers of the regions that
 * were asked.
 */
export async function joinAnswers(
  args: ExecutionArgs,
  { operation, roots, questions, own, added }: Plan,
  answers: readonly Answer[],
  budget: Budget,
): Promise<ExecutionResult> {
  // Equal keys are one field.
  const fields = new Map(roots.map((root) => [root.key, root])).values();
  const parts = new Map([...fields].map((root): [RootField, Part[]] => [root, []]));
  const counted = await readAnswers(args, questions, answers, budget, added.type, operation);
  for (const { answer, read } of counted) {
    for (const [root, ofRoot] of parts)
      if (root.regions.includes(answer.region)) ofRoot.push(toPart(root, answer, read, operation));
  }
  const ours = own ? await readOwn(args, own, counted, budget, added.server) : {};
  // An alias may be called __proto__.
  const data = Object.create(null) as Record<string, unknown>;
  const errors = [...(ours.errors ?? [])];
  for (const [root, ofRoot] of parts) {
    const joined = isOwn(root) ? { value: ours.data?.[root.key], errors: [] } : joinField(root, ofRoot);
    data[root.key] = joined.value;
    errors.push(...joined.errors);
  }
  return errors.length > 0 ? { data, errors: errors.length > mostErrors ? toCut(errors) : errors } : { data };
}

/**
 * Before errors are cut: one of each region first, and those of whole fields before those in rows.
 */
function toCut(errors: readonly GraphQLError[]): readonly GraphQLError[] {
  const sorted = errors.toSorted((one, other) => Number(isInRow(one)) - Number(isInRow(other)));
  const ofRegions = new Map(sorted.toReversed().map((error) => [error.extensions["region"], error]));
  return [...new Set([...ofRegions.values(), ...sorted])];
}

function isInRow({ path = [] }: GraphQLError): boolean {
  return path.length > 1;
}

/** An answer, and what was read from it. */
interface ReadAnswer {
  answer: Answer;
  read: ExecutionResult;
}

/**
 * Executes each question on the data of its answer: so types, ids and regions are those of the
 * fleet, and what does not fit this version's schema is a fault of that region alone. The regions
 * share the rows.
 */
async function readAnswers(
  args: ExecutionArgs,
  questions: readonly Question[],
  answers: readonly Answer[],
  budget: Budget,
  typeKey: string,
  operation: OperationTypeNode,
): Promise<readonly ReadAnswer[]> {
  const share = createRowShare(budget);
  const done: ReadAnswer[] = [];
  for (const [index, answer] of answers.entries()) {
    const document = questions[index]?.document;
    const { region, data: rootValue } = answer;
    const one: ReadAnswer = { answer, read: {} };
    done.push(one);
    if (!document || !rootValue) continue;
    const fail = ({ code, message }: Pick<Failure, "code" | "message">) => {
      const failure = { ...toFailureOf(message, { code }), message: ofChange(message, operation) };
      Object.assign(one, { answer: { ...answer, data: null, errors: [], failure }, read: {} });
    };
    const part = share.begin(fail);
    // Other requests run between the regions, and between the rows of a region.
    await budget.turn();
    let misfits = 0;
    const broken = toBroken(region);
    // The executor makes an error of each misfit: a region of nothing else is not read to its end.
    const check = () => {
      if (misfits > mostErrors) throw new Error(broken.message);
    };
    const ofRegion = {
      rows: (count: number) => (check(), share.add(part, count)),
      turn: () => (check(), budget.turn()),
      liftDeadline() {},
    };
    const onMisfit = () => void (misfits += 1);
    const contextValue = { region: region.name, budget: ofRegion, inParts: true, onMisfit };
    const read = await run({ ...args, document, rootValue, contextValue, typeResolver: (row) => row?.[typeKey] });
    if (misfits > mostErrors && one.answer === answer) {
      share.drop(part);
      fail(broken);
    }
    if (one.answer === answer) one.read = read;
  }
  return done;
}

function toBroken({ name }: Region): Pick<Failure, "code" | "message"> {
  const message = `${name} answers what this version does not know: more than ${mostErrors} values are missing, or of another type`;
  return { code: "not_a_gateway", message };
}

/** The message for a change says that it may have been made. */
function ofChange(message: string, operation: OperationTypeNode): string {
  return operation === OperationTypeNode.MUTATION ? toUnknown(message) : message;
}

/**
 * Unlike graphql-js, this takes long lists in parts. The schema has no `@defer`, so there is one
 * result.
 */
async function run(args: ExecutionArgs): Promise<ExecutionResult> {
  return (await execute(args)) as ExecutionResult;
}

/** `regions`, and introspection. */
async function readOwn(
  args: ExecutionArgs,
  document: Plan["own"] & object,
  answers: readonly ReadAnswer[],
  budget: Budget,
  versionKey: string,
) {
  const regions = answers.map(({ answer: { region, latencyMs, failure, data } }) => {
    const server = data?.[versionKey] as { readonly version?: unknown } | null | undefined;
    const version = typeof server?.version === "string" ? server.version : null;
    return { name: region.name, ok: failure === null, error: failure, latencyMs, version };
  });
  return run({ ...args, document, rootValue: { regions }, contextValue: { region: "", budget, inParts: true } });
}

function toPart(
  root: RootField,
  { region, data, errors, failure }: Answer,
  read: ExecutionResult,
  operation: OperationTypeNode,
): Part {
  const { key } = root;
  if (failure) return { region, value: null, errors: [toError(root, [key], failure, region)] };
  const value = read.data?.[key] ?? null;
  // What a gateway has one of is the only row of its region.
  const isRow = Array.isArray(value) && !Array.isArray(data?.[key]);
  const said = errors.flatMap(({ path = [key], message, extensions }) => {
    if (path[0] !== key) return [];
    const [, ...rest] = path;
    const place = value === null ? [] : isRow ? [0, ...rest] : rest;
    return [toError(root, [key, ...place], toFailureOf(message, extensions), region)];
  });
  const faults = (read.errors ?? []).flatMap((error) => {
    const { path = [] } = error;
    return path[0] === key
      ? [toError(root, value === null ? [key] : path, toFault(error, region, operation), region)]
      : [];
  });
  const silence = () => toNoGateway(`${region.name} answers nothing for this field`, operation);
  const isSilent = value === null && said.length + faults.length === 0 && !mayBeSilent(root, data, operation);
  return {
    region,
    value,
    errors: isSilent ? [toError(root, [key], silence(), region)] : [...said, ...faults],
  };
}

/**
 * Whether null without an error is an answer: of what may not exist; in a message of a
 * subscription, whose errors are not passed on.
 */
function mayBeSilent({ key, definition }: RootField, data: Answer["data"], operation: OperationTypeNode): boolean {
  if (operation !== OperationTypeNode.QUERY) return operation === OperationTypeNode.SUBSCRIPTION;
  return !isListType(definition?.type) && data !== null && Object.hasOwn(data, key);
}

function toNoGateway(message: string, operation: OperationTypeNode): Failure {
  return { code: "not_a_gateway", message: ofChange(message, operation), status: 502 };
}

/** Beyond the budget, or not as this version's schema has it. */
function toFault({ message, originalError }: GraphQLError, region: Region, operation: OperationTypeNode): Failure {
  if (originalError instanceof OpsError) return toFailureOf(originalError.message, { code: originalError.code });
  return toNoGateway(`${region.name} answers what this version does not know: ${message}`, operation);
}

interface Joined {
  readonly value: unknown;
  readonly errors: readonly GraphQLError[];
}

function joinField(root: RootField, parts: readonly Part[]): Joined {
  const { key, definition, refusal } = root;
  if (refusal)
    return { value: null, errors: [toError(root, [key], toFailureOf(refusal.message, { code: refusal.code }))] };
  return isListType(definition?.type) ? joinRows(parts) : joinOne(root, parts);
}

/** The rows of all regions that were asked; null when all of them failed. */
function joinRows(parts: readonly Part[]): Joined {
  const rows: unknown[] = [];
  const errors: GraphQLError[] = [];
  for (const part of parts) {
    errors.push(...part.errors.map((error) => movedBy(error, rows.length)));
    if (Array.isArray(part.value)) for (const row of part.value) rows.push(row);
  }
  return { value: parts.length === 0 || parts.some(({ value }) => value !== null) ? rows : null, errors };
}

/** The one that some region has. Regions that fail stay named, as they may have one too. */
function joinOne(root: RootField, parts: readonly Part[]): Joined {
  const [found, ...others] = parts.filter(({ value }) => value !== null);
  if (found && others.length > 0) {
    const names = [found, ...others].map(({ region }) => region.name).join(", ");
    const message = `Several regions have one: ${names}; choose one by region`;
    return { value: null, errors: [toError(root, [root.key], { code: "region_ambiguous", message, status: 409 })] };
  }
  const errors = parts.flatMap((part) =>
    found && part !== found ? part.errors.filter((error) => !isNotFound(error)) : part.errors,
  );
  return { value: found?.value ?? null, errors: !found && errors.every(isNotFound) ? errors.slice(0, 1) : errors };
}

function isNotFound({ extensions }: GraphQLError): boolean {
  return String(extensions["code"]).endsWith("not_found");
}

/** The error of a row that has so many before it. */
function movedBy(error: GraphQLError, before: number): GraphQLError {
  const [key = "", index, ...rest] = error.path ?? [];
  if (typeof index !== "number") return error;
  const { message, nodes, extensions } = error;
  return new GraphQLError(message, { nodes: nodes ?? null, path: [key, index + before, ...rest], extensions });
}

/** What a region's error says, as far as a gateway says such things. */
function toFailureOf(
  message: string,
  extensions: Readonly<Record<string, unknown>> = {},
): Failure & { readonly upstream?: string } {
  const { code, status, retryAfter, upstream } = extensions;
  const known = typeof code === "string" ? code : "internal";
  return {
    code: known,
    message,
    status: isWithin(status, 100, 599) ? status : (statusByCode[known as keyof typeof statusByCode] ?? 502),
    ...(isWithin(retryAfter, 0, mostDelay) && { retryAfter }),
    ...(typeof upstream === "string" && { upstream }),
  };
}

/** An error of a field, as a gateway has it, with its region. */
function toError({ node }: RootField, path: Path, { message, ...failure }: Failure, region?: Region): GraphQLError {
  const extensions = { ...failure, ...(region && { region: region.name }) };
  return new GraphQLError(message, { nodes: node, path, extensions });
}
