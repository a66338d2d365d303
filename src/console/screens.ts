/**
 * The addresses of the console, exact: what a screen shows is in the query (`/container?name=...`).
 */
export const screenPaths = [
  "/",
  "/containers",
  "/container",
  "/logs",
  "/queues",
  "/queue",
  "/job",
  "/errors",
  "/deploys",
  "/deploy",
  "/timeline",
  "/hosts",
  "/host",
  "/audit",
] as const;

export type ScreenPath = (typeof screenPaths)[number];

/** Where a browser learns how to sign in, and changes a code into tokens. */
export const signInPath = "/console/sign-in";

/** Where the console's files are served. */
export const assetPath = "/console/";

/** Name of the BroadcastChannel by which tabs of one browser share their session. */
export const sessionChannel = "wallet-core-ops.session";
