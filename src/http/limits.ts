/** What one client, and all of them together, may take. Times in ms, sizes in bytes. Source: security.md H1, F22, F23, A8. */
export interface EdgeLimits {
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly connectionsCheckingInterval: number;
  readonly keepAliveTimeout: number;
  readonly maxHeaderSize: number;
  readonly maxConnections: number;
  readonly maxBodyBytes: number;
  /** Requests at work at once, the places kept back for operators, and the line before them. */
  readonly limit: number;
  readonly reserve: number;
  /** Of these, what one token may have. */
  readonly limitPerToken: number;
  readonly waitMs: number;
  readonly queueLimit: number;
  /** A reader that takes nothing for so long is given up. */
  readonly stalledReaderMs: number;
  /** Answers without an end: of one token, and of all. */
  readonly streamsPerToken: number;
  readonly streams: number;
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

export const defaultLimits: EdgeLimits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1000,
  keepAliveTimeout: 5000,
  maxHeaderSize: 16_384,
  maxConnections: 12_000,
  maxBodyBytes: 65_536,
  limit: 200,
  reserve: 20,
  limitPerToken: 150,
  waitMs: 200,
  queueLimit: 2000,
  stalledReaderMs: 30_000,
  streamsPerToken: 5,
  streams: 500,
  streamMs: 3_600_000,
  recheckMs: 30_000,
  heartbeatMs: 15_000,
  drainMs: 10_000,
  failedAuthBurst: 300,
  failedAuthPerSecond: 10,
};
