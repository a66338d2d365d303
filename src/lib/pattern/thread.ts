// The code of the thread of `matcher.ts`; script/build.ts makes it a separate file, pattern.cjs.
import { parentPort } from "node:worker_threads";
import { type Batch, createMatch } from "./match.ts";

const match = createMatch();
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
parentPort?.on("message", (batch: Batch) => parentPort?.postMessage(match(batch)));
