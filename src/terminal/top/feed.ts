import {
  Containers,
  ContainerUsage,
  type Environment,
  FollowContainers,
  type FollowContainersSubscription,
  Hosts,
  type OpsClient,
  OpsError,
  type PartialAnswer,
  Problems,
  Queue,
  Queues,
  type TypedDocument,
  UsageSeries,
} from "../../client/client.ts";
import { isLost } from "../../client/error.ts";
import { type FollowedStream, StreamFollower } from "../../client/follow.ts";
import { pause } from "../../lib/abort.ts";
import { toOneLine } from "../output/style.ts";
import { type ContainerRow, emptyData, type Part, type QueueRow, toQueueId, type TopData } from "./state.ts";
import { addDepths, addUsage, seedLength, seedUsage } from "./trends.ts";

const pollMs = 3000;
const usageMs = 10_000;
/** The gateway answers within 10 s, or not at all. */
const answerMs = 12_000;

interface FeedOptions {
  readonly client: OpsClient;
  readonly env: Environment | null;
  /** Ends everything. */
  readonly signal: AbortSignal;
  /** Called after every change of `data()`. */
  readonly onChange: () => void;
  /** Called when no question can be answered any more: the token is refused. */
  readonly onEnd: (error: unknown) => void;
  /** While true nothing is asked. */
  readonly isPaused: () => boolean;
}

/** What the gateway answers, updated as it changes. */
export interface Feed {
  readonly data: () => TopData;
  /** Asks for another environment, at once. */
  readonly setEnv: (env: Environment | null) => void;
  /** Asks for the errors of a queue; null: of none any more. */
  readonly openQueue: (queue: Pick<QueueRow, "name" | "source"> | null) => void;
}

/**
 * Asks the gateway again and again: problems, queues and hosts every 3 s, CPU and memory every 10
 * s; containers come by the subscription, or every 3 s where that is refused. A question is
 * repeated only after its answer. After a lost connection, polling resumes by itself; until then
 * the last answers stay.
 */
export function startFeed({ client, env: firstEnv, signal, onChange, onEnd, isPaused }: FeedOptions): Feed {
  let data: TopData = { ...emptyData, env: firstEnv };
  let round = new AbortController();
  let details = new AbortController();
  let stream: StreamFollower<FollowContainersSubscription> | null = null;

  const patch = (change: Partial<TopData>) => {
    data = { ...data, ...change };
    onChange();
  };
  const fail = (error: unknown, toChange: (reason: string) => Partial<TopData>) => {
    if (error instanceof OpsError && error.code === "unauthorized") onEnd(error);
    else if (!isOfLink(error)) patch({ ...answered(), ...toChange(toReason(error)) });
    // One slow answer among others is not a lost connection.
    else if (isSlow(error) && Date.now() - (data.answeredAtMs ?? 0) < answerMs) patch(toChange(toReason(error)));
    else if (data.link.state !== "lost")
      patch({ link: { state: "lost", sinceMs: Date.now(), reason: toReason(error) } });
  };

  const ask = async <Answer, Variables>(
    [document, variables]: readonly [TypedDocument<Answer, Variables>, Variables],
    stop: AbortSignal,
    take: (answer: PartialAnswer<Answer>) => Partial<TopData>,
    refuse: (reason: string) => Partial<TopData>,
  ) => {
    try {
      const limit = AbortSignal.any([stop, AbortSignal.timeout(answerMs)]);
      const answer = await (client as Asks<Answer, Variables>).queryPartial(document, variables, {
        signal: limit,
      });
      const { link } = data;
      patch({ ...take(answer), ...answered() });
      if (link.state === "lost") stream?.renewSilent(link.sinceMs);
    } catch (error) {
      if (!stop.aborted) fail(error, refuse);
    }
  };

  const askContainers = (env: Environment | null, stop: AbortSignal) =>
    ask(
      [Containers, { env }],
      stop,
      ({ data: { containers }, errors }) => ({
        containers: toPart(containers, data.containers, errors),
        isStreamed: false,
      }),
      (error) => ({ containers: { ...data.containers, error } }),
    );

  const questions = (
    env: Environment | null,
    stop: AbortSignal,
  ): readonly (readonly [everyMs: number, ask: () => Promise<void>])[] => [
    [
      pollMs,
      () =>
        ask(
          [Problems, { env }],
          stop,
          ({ data: { problems }, errors }) => ({ problems: toPart(problems, data.problems, errors) }),
          (error) => ({ problems: { ...data.problems, error } }),
        ),
    ],
    [
      pollMs,
      () =>
        ask(
          [Queues, {}],
          stop,
          ({ data: { queues, queueSources }, errors }) => ({
            queues: toPart(queues, data.queues, errors),
            queueSources: queueSources ?? data.queueSources,
            trends: addDepths(data.trends, queues ?? []),
          }),
          (error) => ({ queues: { ...data.queues, error } }),
        ),
    ],
    [
      pollMs,
      () =>
        ask(
          [Hosts, {}],
          stop,
          ({ data: { hosts }, errors }) => ({ hosts: toPart(hosts, data.hosts, errors) }),
          (error) => ({ hosts: { ...data.hosts, error } }),
        ),
    ],
    [
      usageMs,
      () =>
        ask(
          // Of accessories too, which are sampled only while somebody asks: else problems could not
          // say whether their memory runs out.
          [ContainerUsage, { env, includeAccessories: true }],
          stop,
          ({ data: { containers }, errors }) => {
            const rows = containers && new Map(containers.map(({ id, cpuPct, memPct }) => [id, { cpuPct, memPct }]));
            const usage = toPart(rows, data.usage, errors);
            return { usage, trends: addUsage(data.trends, { ...data, usage }) };
          },
          (error) => ({ usage: { ...data.usage, error } }),
        ),
    ],
  ];

  const repeat = async (everyMs: number, stop: AbortSignal, run: () => Promise<void>) => {
    do {
      if (!isPaused()) await run();
    } while (await pause(everyMs, stop));
  };

  /** Asks once for the past. Without an answer, sparklines begin now. */
  const seed = (env: Environment | null, stop: AbortSignal) => {
    const to = new Date();
    const from = new Date(to.getTime() - seedLength * usageMs);
    return ask(
      [UsageSeries, { env: env && [env], from: from.toISOString(), to: to.toISOString(), maxPoints: seedLength }],
      stop,
      ({ data: series }) => ({ trends: seedUsage(data.trends, data, series) }),
      () => ({}),
    );
  };

  const follow = (env: Environment | null, stop: AbortSignal) => {
    const rows = new Map<string, ContainerRow>();
    let isSeeded = data.containers.value !== null;
    const ofContainers: FollowedStream<FollowContainersSubscription> = {
      open: (end, onOpen) => client.subscribe(FollowContainers, { env }, { signal: end, onOpen }),
      next: ({ containers }) => {
        if (!containers) return;
        if (containers.snapshot) rows.clear();
        for (const { id } of containers.removed) rows.delete(id);
        for (const row of containers.changed) rows.set(row.id, row);
        patch({ containers: { value: [...rows.values()], error: null }, isStreamed: true, ...answered() });
        if (!isSeeded) void seed(env, stop).catch(onEnd);
        isSeeded = true;
      },
      broken: (error) => fail(error, () => ({ isStreamed: false })),
      poll: async () => {
        if (!isPaused()) await askContainers(env, stop);
      },
    };
    stream = new StreamFollower(ofContainers, stop);
    return stream.run().catch(async (error: unknown) => {
      fail(error, () => ({ isStreamed: false }));
      await repeat(pollMs, stop, () => askContainers(env, stop));
    });
  };

  const start = () => {
    const stop = AbortSignal.any([signal, round.signal]);
    for (const [everyMs, run] of questions(data.env, stop)) void repeat(everyMs, stop, run).catch(onEnd);
    void follow(data.env, stop).catch(onEnd);
  };
  start();

  return {
    data: () => data,
    setEnv: (env) => {
      round.abort();
      round = new AbortController();
      const { containers, problems, usage } = emptyData;
      const trends = new Map([...data.trends].filter(([key]) => key.startsWith("depth ")));
      patch({ env, containers, problems, usage, trends });
      start();
    },
    openQueue: (queue) => {
      details.abort();
      details = new AbortController();
      patch({ errors: null });
      if (!queue) return;
      const id = toQueueId(queue);
      const show = (part: Part<NonNullable<typeof data.errors>["part"]["value"] & {}>) => ({ errors: { id, part } });
      const stop = AbortSignal.any([signal, details.signal]);
      const run = () =>
        ask(
          [Queue, queue],
          stop,
          ({ data: answer, errors }) => show(toPart(answer.queue?.errors ?? null, data.errors?.part ?? null, errors)),
          (error) => show({ value: data.errors?.part.value ?? null, error }),
        );
      void repeat(usageMs, stop, run).catch(onEnd);
    },
  };
}

function answered(): Partial<TopData> {
  return { link: { state: "connected" }, answeredAtMs: Date.now() };
}

/** The call without its conditional arguments, which cannot be known for a type parameter. */
interface Asks<Answer, Variables> {
  queryPartial(
    document: TypedDocument<Answer, Variables>,
    variables: Variables,
    options: { readonly signal: AbortSignal },
  ): Promise<PartialAnswer<Answer>>;
}

/** Null keeps the earlier value. */
function toPart<T>(value: T | null, before: Part<T> | null, errors: readonly OpsError[]): Part<T> {
  const [error] = errors;
  return { value: value ?? before?.value ?? null, error: error ? toReason(error) : null };
}

/** Whether the gateway itself could not be asked. */
function isOfLink(error: unknown): boolean {
  return !(error instanceof OpsError) || isLost(error);
}

function isSlow(error: unknown): boolean {
  return !(error instanceof OpsError) || error.code === "timeout";
}

function toReason(error: unknown): string {
  if (error instanceof OpsError) return toOneLine(`${error.message} (${error.code})`);
  if (error instanceof Error && error.name === "TimeoutError") return `no answer within ${answerMs / 1000} s`;
  throw error;
}
