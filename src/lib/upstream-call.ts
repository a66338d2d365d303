export const upstreams = ["docker", "postgres", "prometheus", "victorialogs", "rabbitmq", "redis", "deploy"] as const;
export type Upstream = (typeof upstreams)[number];

/**
 * Receives each call that was sent to an upstream: seconds to its answer, and its error code, null on success. A streamed answer counts from its start. A call that
 * its caller gave up before the answer is not reported.
 */
export type ObserveCall = (upstream: Upstream, seconds: number, code: string | null) => void;

/** For callers without metrics. */
export const unobserved: ObserveCall = () => {};

interface CallOptions {
  readonly observe: ObserveCall;
  readonly upstream: Upstream;
  /** Aborts the call, either by a deadline (a failure of the upstream) or because nobody waits any more (no failure). */
  readonly signal: AbortSignal;
  /** Null when the upstream did its part: the thing asked for does not exist. */
  readonly toCode: (error: unknown) => string | null;
}

export async function observed<T>({ observe, upstream, signal, toCode }: CallOptions, call: () => Promise<T>): Promise<T> {
  const begin = performance.now();
  const report = (code: string | null) => observe(upstream, (performance.now() - begin) / 1000, code);
  try {
    const answer = await call();
    report(null);
    return answer;
  } catch (error) {
    if (!isGivenUp(signal)) report(toCode(error));
    throw error;
  }
}

function isGivenUp({ aborted, reason }: AbortSignal): boolean {
  return aborted && !(reason instanceof Error && /^(?:TimeoutError|DeadlineError)$/.test(reason.name));
}
