export const upstreams = ["docker", "postgres", "prometheus", "rabbitmq", "redis", "deploy"] as const;
export type Upstream = (typeof upstreams)[number];

/**
 * Told of each call that was sent to an upstream: how long its answer took, seconds, and the error code that it failed with, null when it did not. An
 * answer without an end is there when it begins. What its caller gave up before is not told of.
 */
export type ObserveCall = (upstream: Upstream, seconds: number, code: string | null) => void;

/** For where nobody counts. */
export const unobserved: ObserveCall = () => {};

interface CallOptions {
  readonly observe: ObserveCall;
  readonly upstream: Upstream;
  /** Aborts the call: by a deadline, which is a failure of the upstream, or as nobody waits any more, which is none. */
  readonly signal: AbortSignal;
  /** Null where the upstream did its part: what was asked for is not there. */
  readonly toCode: (error: unknown) => string | null;
}

/** The call itself, observed. */
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
