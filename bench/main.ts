import { benchBudget } from "./budget.ts";
import { benchConsole } from "./console.ts";
import { benchFleet } from "./fleet.ts";
import { benchGrowth } from "./growth.ts";
import { benchHistories } from "./histories.ts";
import { benchInventory } from "./inventory.ts";
import { benchLedger } from "./ledger.ts";
import { benchLogReaders } from "./log-readers.ts";
import { benchLogs } from "./logs.ts";
import { benchMetrics } from "./metrics.ts";
import { benchPatterns } from "./patterns.ts";
import { benchPeers } from "./peers.ts";
import { benchPieces } from "./pieces.ts";
import { benchQueues } from "./queues.ts";
import { benchRest } from "./rest.ts";
import { benchStartup } from "./startup.ts";
import { benchState } from "./state.ts";
import { benchStats } from "./stats.ts";

/** `npm run bench`: every benchmark; exit 1 if one misses its limit. */
const results = [
  await benchRest(),
  await benchPeers(),
  await benchInventory(),
  await benchGrowth(),
  await benchPieces(),
  await benchStartup(),
  await benchStats(),
  await benchLogs(),
  await benchLogReaders(),
  await benchPatterns(),
  await benchQueues(),
  await benchHistories(),
  await benchMetrics(),
  await benchBudget(),
  await benchConsole(),
  await benchLedger(),
  await benchState(),
  await benchFleet(),
];
process.exitCode = results.every(Boolean) ? 0 : 1;
