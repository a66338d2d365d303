import { type ExecutionArgs, type ExecutionResult, GraphQLError, OperationTypeNode } from "graphql";
import type { Plugin } from "graphql-yoga";
import type { StreamEnd } from "../auth/stream-lease.ts";
import type { Caller } from "../graphql/sources.ts";
import { toRefusal } from "../graphql/yoga/use-budget.ts";
import type { Answer, Ask, Asker } from "./ask.ts";
import { joinAnswers } from "./join.ts";
import { type Plan, planOperation } from "./plan.ts";
import type { Region } from "./region.ts";

/** The context of one request to the fleet. */
export interface FleetContext extends Caller, Asker {
  readonly budget: Caller["budget"];
  /** What the cost of a query is estimated by, as in a gateway's context. */
  readonly sources: object;
}

/** Executes operations by asking the regions. */
export function useRegions(regions: readonly Region[], ask: Ask): Plugin {
  const run = async (args: ExecutionArgs): Promise<ExecutionResult> => {
    const plan = tryToPlan(args, regions);
    if ("errors" in plan) return plan;
    const context = args.contextValue as FleetContext;
    const isChange = plan.operation === OperationTypeNode.MUTATION;
    if (isChange) context.budget.liftDeadline();
    const answers = await ask.ask(plan.questions, context, isChange);
    return joinAnswers(args, plan, answers, context.budget);
  };

  const subscribe = async (args: ExecutionArgs): Promise<ExecutionResult | AsyncGenerator<ExecutionResult, void>> => {
    const plan = tryToPlan(args, regions);
    if ("errors" in plan) return plan;
    if (plan.questions.length === 0) return joinAnswers(args, plan, [], (args.contextValue as FleetContext).budget);
    try {
      return follow(args, plan, ask);
    } catch (error) {
      return toRefusal(error);
    }
  };

  return {
    onExecute: ({ setExecuteFn }) => setExecuteFn(run),
    onSubscribe: ({ setSubscribeFn }) => setSubscribeFn(subscribe),
  };
}

function tryToPlan(
  args: ExecutionArgs,
  regions: readonly Region[],
): Plan | { readonly errors: readonly GraphQLError[] } {
  try {
    return planOperation(args, regions);
  } catch (error) {
    if (error instanceof GraphQLError) return { errors: [error] };
    throw error;
  }
}

/** Throws rate_limited when the token has too many streams. */
function follow(args: ExecutionArgs, plan: Plan, ask: Ask): AsyncGenerator<ExecutionResult, void> {
  const context = args.contextValue as FleetContext;
  const { budget, openStream } = context;
  const signal = openStream?.().signal ?? budget.signal;
  budget.liftDeadline();
  const toMessage = (answer: Answer) => {
    budget.renew();
    return joinAnswers(args, plan, [answer], budget);
  };
  async function* read(): AsyncGenerator<ExecutionResult, void> {
    for (const question of plan.questions) {
      for await (const answer of ask.subscribe(question, context, signal)) yield await toMessage(answer);
    }
    const end = signal.reason as StreamEnd | undefined;
    if (end) yield { errors: [new GraphQLError(`The stream has ended: ${end}`, { extensions: { code: end } })] };
  }
  return read();
}
