/**
 * Limits per client and in total. Times in ms, sizes in bytes.
 *
 * Memory limits suit the shipped container of 384 MB with a heap of 192 MB; the idle process takes
 * about 120 MB.
 * - `waitingConnections` x (8 kB and about twice `maxHeaderSize`) is 40 MB. At 12,000, endless
 * headers filled the heap; at 2,000, together with all that one token may request, the container.
 * - `publicAnswers`, `largeAnswers`: waiting answers share one Buffer, but the kernel takes up to 4
 * MB per reader (of a small page all of it, at most 300 kB) and may charge it to the container. A
 * visitor of the console holds one or two places while 2.5 MB are sent.
 * - `unsentBytes` is six of the largest answers (5 MB); the kernel takes as much again. `answerMs`:
 * an answer of 5 MB, or the 2.5 MB of the compressed console, within a minute needs 0.7 Mbit/s;
 * slower clients ask for less. It does not start with the request, since a restart may wait over
 * five minutes: the work before an answer has deadlines of its own.
 */
export const defaultLimits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1000,
  keepAliveTimeout: 5000,
  maxHeaderSize: 16_384,
  /**
   * Concurrent connections. Beyond it, the network or the token holder with the most of them loses
   * one (connections/).
   */
  maxConnections: 2000,
  /** Of these, without an accepted token. */
  strangerConnections: 800,
  /**
   * While more than these have no accepted token, and for 5 s after, each of them gets one answer.
   * libuv accepts few connections per turn of the event loop (listen.ts): 1,900 clients that
   * requested `/healthz` without pause, four requests at a time, made turns so long that new
   * connections waited for more than 6 s.
   */
  strangersKept: 100,
  /** New and idle connections in total (no request in progress). Beyond it, likewise. */
  waitingConnections: 1000,
  /**
   * Requests of one connection that wait behind an unfinished answer; one more closes the
   * connection.
   */
  pipelined: 4,
  maxBodyBytes: 65_536,
  /**
   * Concurrent requests, and the places beyond them for operators, who get through when readers
   * take all others.
   */
  limit: 200,
  /**
   * The same while little of the heap is left: each request about a fleet of 5,000 containers holds
   * about 1 MB, and all of them compute in turns. One token has at most half of these.
   */
  tightLimit: 16,
  reserve: 20,
  /** Concurrent requests of one token, so that it cannot shut out the others. */
  limitPerToken: 20,
  /**
   * The queue: longest wait, and length. F23 says 200 ms, but a dashboard's panels share one token
   * and start together: a late graph is better than none.
   */
  waitMs: 5000,
  queueLimit: 2000,
  /**
   * Concurrent answers of public pages, without the health pages. A place is held until the reader
   * has received the answer.
   */
  publicAnswers: 64,
  /** The same for large pages. */
  largeAnswers: 16,
  /**
   * Time for the reader of a public page while others wait for a place. One network has at most
   * three quarters of the places.
   */
  pageMs: 3000,
  /**
   * Time for the reader of a finite answer, from its first byte to its last, however slow the
   * reader.
   */
  answerMs: 60_000,
  /** Total bytes of answers that wait in this process for their readers. */
  unsentBytes: 32_000_000,
  /** A reader of an endless answer that receives nothing for this long is disconnected. */
  stalledReaderMs: 30_000,
  /** Its client is gone when it acknowledges nothing for this long (connections/paths.ts). */
  lostPathMs: 45_000,
  /** Endless answers: of one token, and in total. */
  streamsPerToken: 5,
  streams: 500,
  /**
   * Streams that one token may open at once, and per second: opening one costs as much as a hundred
   * requests.
   */
  streamBurst: 20,
  streamsPerSecond: 2,
  /** Maximum age of an endless answer; its reader opens another one. */
  streamMs: 3_600_000,
  /** Intervals of the check that a stream's token is still valid, and of the heartbeat. */
  recheckMs: 30_000,
  heartbeatMs: 15_000,
  /**
   * Minimum time that a stopping process stays: a balancer sees the 503 of `/readyz` meanwhile, and
   * sends nothing more.
   */
  lingerMs: 1000,
  /** Time for requests in flight when the process stops. */
  drainMs: 10_000,
  /** Failed authentications of one network (/24, /64): at once, and per second. */
  failedAuthBurst: 300,
  failedAuthPerSecond: 10,
};

export type EdgeLimits = Readonly<typeof defaultLimits>;
