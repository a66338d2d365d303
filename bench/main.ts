import { benchRest } from "./rest.ts";
import { benchStartup } from "./startup.ts";

/** `npm run bench`: every committed benchmark; exit 1 when one misses its limit. */
const results = [await benchRest(), await benchStartup()];
process.exitCode = results.every(Boolean) ? 0 : 1;
