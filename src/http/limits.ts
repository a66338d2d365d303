/** What one client, and all of them together, may take. Times in ms, sizes in bytes. Source: security.md H1, F22, F23, A8. */
export interface EdgeLimits {
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly connectionsCheckingInterval: number;
  readonly keepAliveTimeout: number;
  readonly maxHeaderSize: number;
  /** Connections at once; more are closed when they come. */
  readonly maxConnections: number;
  /** Of these, those on which no request is being answered; at one more the address with most of them loses the one that has waited longest. */
  readonly waitingConnections: number;
  /** Requests of one connection that wait behind its unfinished answer; the connection is closed at one more. */
  readonly pipelined: number;
  readonly maxBodyBytes: number;
  /** Requests at work at once, the places kept back for operators, and the line before them. */
  readonly limit: number;
  readonly reserve: number;
  /** Of these, what one token may have. */
  readonly limitPerToken: number;
  /** In line. F23 says 200 ms; but the panels of dashboards that open together are one token's, and a late graph is better than none. */
  readonly waitMs: number;
  readonly queueLimit: number;
  /** Answers of public pages on their way at once, the health pages not counted. A place is held until the reader has taken the answer. */
  readonly publicAnswers: number;
  /** How long the reader of a public page has for it when somebody waits for a place, of which one address has three quarters at most. */
  readonly pageMs: number;
  /** How long the reader of a finite answer may take for it, from its first byte to its last, at whatever pace. */
  readonly answerMs: number;
  /** Bytes of answers that wait in this process for their readers, in all. */
  readonly unsentBytes: number;
  /** The reader of an answer without an end that takes nothing for so long is given up. */
  readonly stalledReaderMs: number;
  /** Answers without an end: of one token, and of all. */
  readonly streamsPerToken: number;
  readonly streams: number;
  /** Streams that one token may open at once, and per second: opening one costs as much as a hundred requests. */
  readonly streamBurst: number;
  readonly streamsPerSecond: number;
  /** An answer without an end ends after so long: its reader opens another one. */
  readonly streamMs: number;
  /** How often it is asked whether the token of a stream is still good, and a sign of life sent. */
  readonly recheckMs: number;
  readonly heartbeatMs: number;
  /** How long requests in flight may take when the process is asked to end. */
  readonly drainMs: number;
  /** Failed authentications of one address: at once, and per second. */
  readonly failedAuthBurst: number;
  readonly failedAuthPerSecond: number;
}

/**
 * The numbers that bound memory are made for the shipped container of 384 MB with a heap of 192 MB; the process rests at about 120 MB.
 * - `waitingConnections` x (8 kB and `maxHeaderSize` about twice) is 40 MB. At 12,000, headers that never ended filled the heap; at 2,000, beside all that one token
 *   may ask for, the container.
 * - `publicAnswers`: what waits is one shared Buffer, but the kernel takes up to 4 MB for each reader, and may charge it to the container. A visitor of the
 *   console holds one or two places, for as long as 2.5 MB take.
 * - `unsentBytes` is six of the largest answers (5 MB), and the kernel takes as much again.
 * `answerMs`: an answer of 5 MB, or the 2.5 MB of the compressed console, within a minute is a line of 0.7 Mbit/s; who is slower asks for less. It does not begin
 * with the request, since a restart may be waited for over five minutes: the work before an answer has deadlines of its own.
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
