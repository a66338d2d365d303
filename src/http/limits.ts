/** Limits per client and in total. Times in ms, sizes in bytes. Source: security.md H1, F22, F23, A8. */
export interface EdgeLimits {
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly connectionsCheckingInterval: number;
  readonly keepAliveTimeout: number;
  readonly maxHeaderSize: number;
  /** Concurrent connections; more are closed on arrival. */
  readonly maxConnections: number;
  /** Of these, idle ones (no request being answered). Beyond it, the address with most of them loses its longest waiting one. */
  readonly waitingConnections: number;
  /** Requests of one connection that wait behind an unfinished answer; one more closes the connection. */
  readonly pipelined: number;
  readonly maxBodyBytes: number;
  /** Concurrent requests, and the places reserved for operators. */
  readonly limit: number;
  readonly reserve: number;
  /** Concurrent requests of one token. */
  readonly limitPerToken: number;
  /**
   * The queue: longest wait, and length. F23 says 200 ms, but a dashboard's panels share one token and start together: a late
   * graph is better than none.
   */
  readonly waitMs: number;
  readonly queueLimit: number;
  /** Concurrent answers of public pages, without the health pages. A place is held until the reader has received the answer. */
  readonly publicAnswers: number;
  /**
   * Time that the reader of a public page has while others wait for a place. One address has at most three quarters of the
   * places.
   */
  readonly pageMs: number;
  /** Time for the reader of a finite answer, from its first byte to its last, whatever its pace. */
  readonly answerMs: number;
  /** Total bytes of answers that wait in this process for their readers. */
  readonly unsentBytes: number;
  /** A reader of an endless answer that receives nothing for this long is disconnected. */
  readonly stalledReaderMs: number;
  /** Endless answers: of one token, and in total. */
  readonly streamsPerToken: number;
  readonly streams: number;
  /** Streams that one token may open at once, and per second: opening one costs as much as a hundred requests. */
  readonly streamBurst: number;
  readonly streamsPerSecond: number;
  /** Maximum age of an endless answer; its reader opens another one. */
  readonly streamMs: number;
  /** Intervals of the check that a stream's token is still valid, and of the heartbeat. */
  readonly recheckMs: number;
  readonly heartbeatMs: number;
  /** Time for requests in flight when the process stops. */
  readonly drainMs: number;
  /** Failed authentications of one address: at once, and per second. */
  readonly failedAuthBurst: number;
  readonly failedAuthPerSecond: number;
}

/**
 * Memory limits suit the shipped container of 384 MB with a heap of 192 MB; the idle process takes about 120 MB.
 * - `waitingConnections` x (8 kB and about twice `maxHeaderSize`) is 40 MB. At 12,000, endless headers filled the heap; at 2,000,
 *   together with all that one token may request, the container.
 * - `publicAnswers`: waiting answers share one Buffer, but the kernel takes up to 4 MB per reader and may charge it to the
 *   container. A visitor of the console holds one or two places while 2.5 MB are sent.
 * - `unsentBytes` is six of the largest answers (5 MB); the kernel takes as much again.
 * `answerMs`: an answer of 5 MB, or the 2.5 MB of the compressed console, within a minute needs 0.7 Mbit/s; slower clients ask
 * for less. It does not start with the request, since a restart may wait over five minutes: the work before an answer has
 * deadlines of its own.
 */
export const defaultLimits: EdgeLimits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1000,
  keepAliveTimeout: 5000,
  maxHeaderSize: 16_384,
  maxConnections: 2000,
  waitingConnections: 1000,
  pipelined: 4,
  maxBodyBytes: 65_536,
  limit: 200,
  reserve: 20,
  limitPerToken: 20,
  waitMs: 5000,
  queueLimit: 2000,
  publicAnswers: 16,
  pageMs: 3000,
  answerMs: 60_000,
  unsentBytes: 32_000_000,
  stalledReaderMs: 30_000,
  streamsPerToken: 5,
  streams: 500,
  streamBurst: 20,
  streamsPerSecond: 2,
  streamMs: 3_600_000,
  recheckMs: 30_000,
  heartbeatMs: 15_000,
  drainMs: 10_000,
  failedAuthBurst: 300,
  failedAuthPerSecond: 10,
};
